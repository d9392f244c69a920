"""Keys of records."""

import numpy as np
import polars as pl
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.keys import binary_values, join_key, joined_keys
from tests.support.avro_values import texts


def test_compound_keys_join_their_parts_with_a_bar() -> None:
    frame = pl.DataFrame({"a": ["x", "y"], "b": [1, -2]})
    keys = frame.select(join_key("a", pl.col("b"), pl.lit("all")).alias("key"))["key"]
    assert keys.to_list() == ["x|1|all", "y|-2|all"]
    assert binary_values(keys).to_pylist() == [b"x|1|all", b"y|-2|all"]


@given(st.lists(st.none() | texts()))
def test_texts_are_handed_over_as_their_utf8(column: list[str | None]) -> None:
    values = binary_values(pl.Series(column, dtype=pl.String))
    assert values.to_pylist() == [(text or "").encode() for text in column]


def test_slices_and_bytes_are_handed_over_too() -> None:
    column = pl.Series([b"\xff" * n for n in range(40)], dtype=pl.Binary)
    assert binary_values(column[10:20]).to_pylist() == [b"\xff" * n for n in range(10, 20)]


@given(st.lists(st.tuples(texts(), st.integers(-(2**63), 2**63 - 1), texts())))
def test_joined_keys_are_the_parts_joined_with_a_bar(rows: list[tuple[str, int, str]]) -> None:
    first, numbers, last = ([row[place] for row in rows] for place in range(3))
    parts = [
        pa.array(first, pa.large_string()),
        np.array(numbers, np.int64),
        pa.array(["left out", *last], pa.large_string())[1:],
    ]
    assert joined_keys(parts).to_pylist() == ["|".join(map(str, row)).encode() for row in rows]
