"""Records that lie in arrays are encoded to exactly what fastavro writes of their values."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.laid_encoder import LaidEncoder
from pipeline.domain.errors import OurMistake
from pipeline.domain.laid_out import Absent, Field, Lane, Log, Records
from tests.support.avro_values import framed

LONGS = st.integers(-(2**63), 2**63 - 1)
SMALL = st.integers(-3, 3)
TEXTS = st.lists(st.text(max_size=20), min_size=1, max_size=5)

LOG, LIST_LOG = Log(1, 2), Log(5, 6)
LANES = 4
NULL_AT = Absent(Lane(0, 3), 1)
LAYOUT = {
    "number": Field("long", Lane(0, 0)),
    "maybe": Field("long", Lane(0, 0), absent=NULL_AT),
    "flag": Field("boolean", Lane(0, 1), mask=0b101),
    "maybe_flag": Field("boolean", Lane(0, 1), mask=-1, absent=NULL_AT),
    "id": Field("hex", Lane(0, 0), Lane(0, 1)),
    "maybe_id": Field("hex", Lane(0, 0), Lane(0, 1), mask=-(2**63), absent=NULL_AT),
    "text": Field("text", Lane(0, 2), log=LOG),
    "maybe_text": Field("text", Lane(0, 2), log=LOG, absent=NULL_AT),
    "first": Field("longs", Lane(3, 0), Lane(4)),
    "second": Field("longs", Lane(3, 1), Lane(4)),
    "texts": Field("texts", Lane(3, 1), Lane(7), log=LIST_LOG),
    "texts_in_order": Field("texts", Lane(3, 0), log=LIST_LOG),
}
AVRO: dict[str, Any] = {"long": "long", "boolean": "boolean", "hex": "string", "text": "string"}
ARRAYS = {"longs": "long", "texts": "string"}
KEY = ("text", "number", "id")


def kind_of(field: Field) -> Any:
    if field.kind in ARRAYS:
        return {"type": "array", "items": ARRAYS[field.kind]}
    return AVRO[field.kind] if field.absent is None else ["null", AVRO[field.kind]]


SCHEMA = {
    "type": "record",
    "name": "R",
    "fields": [{"name": name, "type": kind_of(field)} for name, field in LAYOUT.items()],
}


def log_of(texts: list[str]) -> tuple[Any, Any]:
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)])
    return ends.astype(np.int64), np.frombuffer(b"".join(encoded), np.uint8)


@st.composite
def records(draw: st.DrawFn) -> Records:
    rows, texts = draw(st.integers(0, 6)), draw(TEXTS)

    def lane(values: st.SearchStrategy[int]) -> list[int]:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    numbers = [lane(LONGS), lane(LONGS), lane(st.integers(0, len(texts) - 1)), lane(SMALL)]
    bounds = np.cumsum(
        [0, *draw(st.lists(st.integers(0, 3), min_size=2 * rows, max_size=2 * rows))]
    )
    count = int(bounds[-1])
    listed = draw(st.lists(st.text(max_size=9), min_size=count + 1, max_size=count + 1))
    items = draw(st.lists(LONGS, min_size=count, max_size=count))
    chosen = draw(st.lists(st.integers(0, count), min_size=count, max_size=count))
    return Records(
        rows,
        [
            np.array(numbers, np.int64).reshape(LANES, rows),
            *log_of(texts),
            bounds.astype(np.int64),
            np.array(items, np.int64),
            *log_of(listed),
            np.array(chosen, np.int64),
        ],
    )


@given(records())
def test_values_and_keys_are_those_of_the_columns(given: Records) -> None:
    keys, values = LaidEncoder(SCHEMA, 7, LAYOUT, KEY).encode(given)
    rows = given.frame(LAYOUT).to_dicts()
    assert values.to_pylist() == [framed(SCHEMA, 7, row) for row in rows]
    assert keys.to_pylist() == ["|".join(str(row[name]) for name in KEY).encode() for row in rows]


def test_texts_without_a_number_are_null() -> None:
    """What is absent is never looked up."""
    numbers = np.array([-1, 0])
    field = Field("text", Lane(0), log=Log(1, 2), absent=Absent(Lane(0), -1))
    schema = {**SCHEMA, "fields": [{"name": "f", "type": ["null", "string"]}]}
    given = Records(2, [numbers, *log_of(["ü"])])
    _, values = LaidEncoder(schema, 7, {"f": field}, ()).encode(given)
    assert values.to_pylist() == [framed(schema, 7, {"f": each}) for each in (None, "ü")]


@pytest.mark.parametrize(
    ("declared", "field"),
    [
        ("string", Field("long", Lane(0))),
        ("long", Field("long", Lane(0), absent=Absent(Lane(0), 0))),
        ({"type": "array", "items": "long"}, Field("texts", Lane(0), log=Log(1, 2))),
        ("double", Field("long", Lane(0))),
        ("long", None),
    ],
)
def test_a_layout_that_does_not_fit_its_schema_is_our_mistake(
    declared: Any, field: Field | None
) -> None:
    schema = {**SCHEMA, "fields": [{"name": "f", "type": declared}]}
    with pytest.raises(OurMistake, match="field 'f' is not laid out so"):
        LaidEncoder(schema, 7, {} if field is None else {"f": field}, ())
