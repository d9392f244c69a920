"""Values of a stream of JSON come out whole however the stream is cut."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.json_stream import JsonSplitter

objects = st.dictionaries(
    st.text(max_size=4),
    st.recursive(
        st.none() | st.integers() | st.text('"\\{}[],: \n', max_size=6),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=6,
    ),
    max_size=3,
)


def split(data: bytes, sizes: list[int], limit: int = 1 << 20) -> list[bytes]:
    splitter = JsonSplitter(limit)
    values: list[bytes] = []
    start = 0
    for size in sizes:
        values += splitter.feed(data[start : start + size])
        start += size
    return [*values, *splitter.feed(data[start:]), *splitter.finish()]


@given(
    st.lists(objects, max_size=5),
    st.sampled_from(["array", "pretty", "lines", "pressed"]),
    st.lists(st.integers(0, 9), max_size=30),
)
def test_every_value_comes_out_once(
    documents: list[dict[str, Any]], form: str, sizes: list[int]
) -> None:
    text = {
        "array": json.dumps(documents),
        "pretty": json.dumps(documents, indent=2),
        "lines": "\n".join(json.dumps(document, indent=1) for document in documents),
        "pressed": "".join(json.dumps(document) for document in documents),
    }[form]
    assert [json.loads(value) for value in split(text.encode(), sizes)] == documents


def test_what_is_wrong_inside_a_value_stays_inside() -> None:
    assert split(b'[{"a":1,}, {"b":nul}, oops, {"c":2}]', [7]) == [
        b'{"a":1,}',
        b'{"b":nul}',
        b"oops",
        b'{"c":2}',
    ]


def test_an_incomplete_end_is_given_too() -> None:
    assert split(b'{"a":1}{"b":"x', []) == [b'{"a":1}', b'{"b":"x']


def test_a_value_beyond_the_limit_is_not_held() -> None:
    pieces = split(b'[{"a":"' + b"x" * 100, [10] * 12, limit=40)
    assert max(map(len, pieces)) <= 50
    assert len(b"".join(pieces)) == 106
