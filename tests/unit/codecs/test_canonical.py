"""Canonical values: one by one and in columns alike."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.canonical import (
    SHARD,
    canvas_id,
    dashed,
    hex_128,
    hex_128_column,
    local_id,
    local_ids,
    text_or_none,
    text_or_null,
    texts_or_null,
    uuid_column,
)

SESSION = "ef686f8ed684abf78cbfa1f6a58112b5"
FORMS = [
    SESSION,
    SESSION.upper(),
    dashed(SESSION),
    f"urn:instructure:canvas:session:{SESSION}",
    f" {SESSION}\n",
]
texts = (
    st.none()
    | st.sampled_from(
        [
            *FORMS,
            "",
            " ",
            "x",
            SESSION[:-1],
            SESSION + "0",
            "__dap_unspecified__",
            "_CD2_unspecified_",
        ]
    )
    | st.text(max_size=6)
)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_session_is_the_same_session(form: str) -> None:
    assert hex_128(form) == SESSION


@given(st.lists(texts))
def test_columns_become_canonical_as_single_values_do(values: list[str | None]) -> None:
    column = pl.Series(values, dtype=pl.String)
    digits = [hex_128(value) for value in values]
    assert hex_128_column(column).to_list() == digits
    assert uuid_column(column).to_list() == [None if d is None else dashed(d) for d in digits]
    known = [text_or_none(value) for value in values]
    assert texts_or_null(column).to_list() == known
    frame = pl.DataFrame({"text": column})
    assert frame.select(text_or_null("text")).to_series().to_list() == known


@given(st.lists(st.none() | st.integers(-5, 3 * SHARD)), st.none() | st.integers(0, 3))
def test_only_ids_of_the_home_shard_lose_it(ids: list[int | None], shard: int | None) -> None:
    frame = pl.DataFrame({"id": pl.Series(ids, dtype=pl.Int64)})
    expected = [None if number is None else local_id(number, shard) for number in ids]
    assert frame.select(local_ids("id", shard)).to_series().to_list() == expected


@pytest.mark.parametrize(
    "value",
    ["x", "1.5", 1.5, True, [], {}, 2**63, "1~2~3", "\uff19" * 5],
)
def test_what_is_no_id_is_refused_without_quoting_it(value: object) -> None:
    with pytest.raises(ValueError, match=r"^an id ") as refused:
        canvas_id(value)
    assert str(value) not in str(refused.value)
