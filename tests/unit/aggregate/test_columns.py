"""Single rows of columns, endings of paths and members: the same as in plain Python."""

from collections import defaultdict

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.aggregate import path_kernels
from pipeline.aggregate.arrow_texts import texts_of
from pipeline.aggregate.batch_columns import BatchColumns
from pipeline.aggregate.member_pairs import MemberPairs
from pipeline.aggregate.members import smallest_by_hash

texts = st.none() | st.text(max_size=30)
numbers = st.none() | st.integers(-(2**63), 2**63 - 1)


@st.composite
def columns(draw: st.DrawFn) -> tuple[pl.DataFrame, list[int]]:
    """Draw a frame that may be a slice of several buffers, and some of its rows."""
    rows = draw(st.lists(st.tuples(texts, numbers, st.booleans()), min_size=3, max_size=30))
    schema = {"text": pl.String, "number": pl.Int64, "flag": pl.Boolean}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    if draw(st.booleans()):
        frame = pl.concat([frame, frame], rechunk=True)
    frame = frame.slice(draw(st.integers(0, 2)))
    places = st.lists(st.integers(0, frame.height - 1), max_size=40)
    return frame, draw(places)


@given(columns())
def test_columns_give_the_values_of_some_rows(drawn: tuple[pl.DataFrame, list[int]]) -> None:
    frame, rows = drawn
    looked, at = BatchColumns(frame), np.array(rows, np.int64)
    wanted = frame[rows] if rows else frame.clear()
    for _ in range(2):
        said, present = looked.text("text", at)
        there = [True] * len(rows) if present is None else present.tolist()
        assert there == wanted["text"].is_not_null().to_list()
        assert said.series().to_list() == wanted["text"].fill_null("").to_list()
        values, present = looked.number("number", at)
        there = [True] * len(rows) if present is None else present.tolist()
        assert there == wanted["number"].is_not_null().to_list()
        found = zip(values.tolist(), there, strict=True)
        assert [value if has else None for value, has in found] == wanted["number"].to_list()
        assert looked.flag("flag", at).tolist() == wanted["flag"].to_list()


@given(st.lists(st.sampled_from(["/download", "download", "/x", "", "/download/"])))
def test_endings_of_paths_are_found(many: list[str]) -> None:
    ending = np.empty(len(many), bool)
    given_texts = texts_of(pl.Series(many, dtype=pl.String))
    path_kernels.end_with(*given_texts, np.frombuffer(b"/download", np.uint8), ending)
    assert ending.tolist() == [path.endswith("/download") for path in many]


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 4), st.integers(0, 12).map(str)), max_size=60), max_size=4
    ),
    st.permutations(range(5)),
)
def test_members_are_the_smallest_by_hash_of_each_group(
    chunks: list[list[tuple[int, str]]], order: list[int]
) -> None:
    pairs, wanted = MemberPairs(), defaultdict[int, set[str]](set)
    for chunk in chunks:
        members = pl.Series([member for _, member in chunk], dtype=pl.String)
        pairs.add(np.array([group for group, _ in chunk], np.int64), texts_of(members))
        for group, member in chunk:
            wanted[group].add(member)
    lists = pairs.lists(np.array(order), 6).arrow().to_pylist()
    assert lists == [smallest_by_hash(wanted[group], 6) for group in order]
