"""States come back from their texts as they were."""

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.state_text import dumped, loaded

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
TREES = st.recursive(
    LEAVES, lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(), each, max_size=4)
)


class Pair(NamedTuple):
    count: int
    share: float


@given(TREES.filter(lambda tree: tree is not None))
def test_a_state_comes_back_as_it_was_every_float_exactly(state: Any) -> None:
    assert loaded(dumped(state)) == state


def test_no_state_is_the_empty_text() -> None:
    assert dumped(None) == ""


def test_tuples_become_lists_and_numbers_texts_as_keys() -> None:
    assert loaded(dumped({7: Pair(1, 0.1), "more": (1, 2)})) == {"7": [1, 0.1], "more": [1, 2]}


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(ValueError, match="EOF"):
        loaded("[1, 2")
