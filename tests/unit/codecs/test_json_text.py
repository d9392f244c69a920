"""JSON at the edges: strict in, canonical out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.json_text import DEEPEST, NotJson, canonical_json, read_json

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
)


@given(values)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    assert read_json(canonical_json(value).encode()) == value
    assert read_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(("levels", "fits"), [(DEEPEST, True), (DEEPEST + 1, False), (5000, False)])
def test_nesting_is_bounded(levels: int, *, fits: bool) -> None:
    for text in (b"[" * levels + b"]" * levels, b'{"a":' * levels + b"1" + b"}" * levels):
        if fits:
            read_json(text)
        else:
            with pytest.raises(NotJson, match="nested too deeply"):
                read_json(text)


@pytest.mark.parametrize("text", [b"NaN", b"[Infinity]", b"\xff", b"{", b"1" * 5000, b""])
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(NotJson):
        read_json(text)


def test_half_a_surrogate_pair_becomes_a_replacement_character() -> None:
    assert read_json(b'{"a\\ud800":["\\udc00", "\\ud83d\\ude00"]}') == {
        "a\ufffd": ["\ufffd", "\U0001f600"]
    }
