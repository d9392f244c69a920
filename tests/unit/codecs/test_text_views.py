"""Compiled loops over columns of texts say what Python says of every text."""

import re

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.text_kernels import begin_with, cut_paths
from pipeline.codecs.text_views import TextViews, text_column, text_views

ABSOLUTE = re.compile(r"^(?:[a-zA-Z]+://[^/?#]*)?([^?#]*)")
PARTS = ("https", "://", "/", "?", "#", "/api/", "/api", "a", "é", ":", "school.example", "x" * 13)
URLS = st.lists(st.sampled_from(PARTS), max_size=8).map("".join) | st.text(max_size=30)


@st.composite
def columns(draw: st.DrawFn) -> pl.Series:
    """Draw a column of URLs, some null, in one or more chunks, perhaps a slice of a longer one."""
    chunks = draw(st.lists(st.lists(st.none() | URLS, max_size=8), min_size=1, max_size=3))
    column = pl.concat([pl.Series(one, dtype=pl.String) for one in chunks], rechunk=False)
    start = draw(st.integers(0, len(column)))
    return column[start:] if draw(st.booleans()) else column.filter(column.is_not_null())


def paths(column: pl.Series, *, absolute: bool) -> TextViews:
    texts = text_views(column)
    found = np.empty(2 * len(column), np.int64)
    cut_paths(*texts, absolute, found)
    return texts._replace(views=found)


@given(columns())
@settings(max_examples=300, deadline=None)
def test_a_path_is_what_stands_before_the_question_mark(column: pl.Series) -> None:
    expected = [None if url is None else url.split("?")[0] for url in column]
    assert text_column(paths(column, absolute=False)).to_list() == expected


@given(columns())
@settings(max_examples=300, deadline=None)
def test_the_path_of_an_absolute_url_is_without_scheme_host_and_fragment(
    column: pl.Series,
) -> None:
    said = [None if url is None else ABSOLUTE.match(url) for url in column]
    expected = [match and match[1] for match in said]
    assert text_column(paths(column, absolute=True)).to_list() == expected


@given(columns(), st.sampled_from([b"", b"/", b"/api", b"/api/", b"https://school.example"]))
@settings(max_examples=300, deadline=None)
def test_texts_that_begin_with_a_prefix_are_found(column: pl.Series, prefix: bytes) -> None:
    texts = paths(column, absolute=False)
    found = np.empty(len(column), bool)
    begin_with(texts.views, texts.data, np.frombuffer(prefix, np.uint8), found)
    said = ("" if url is None else url.split("?")[0] for url in column)
    assert found.tolist() == [one.encode().startswith(prefix) for one in said]
