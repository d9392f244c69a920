"""What reaches a handler joins, whatever the consumer repeats."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.chunk import RecordChunk
from pipeline.kafka.delivery import Delivery, DeliveryGap


def empty(start: int, end: int) -> RecordChunk:
    return RecordChunk("numbers", 0, start, end, [])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 10)), min_size=1))
def test_accepted_chunks_join_without_hole_or_repetition(moves: list[tuple[int, int]]) -> None:
    delivery = Delivery()
    position = 100
    accepted: list[tuple[int, int]] = []
    for back, forth in moves:
        start = position - back
        position = max(position, start + forth)
        if chunk := delivery.accept(0, empty(start if accepted else 100, start + forth)):
            accepted.append((chunk.fetch_offset, chunk.next_offset))
    assert all(a[1] == b[0] for a, b in pairwise(accepted))


def test_a_hole_within_one_assignment_is_an_error() -> None:
    delivery = Delivery()
    assert delivery.accept(0, empty(0, 10)) is not None
    with pytest.raises(DeliveryGap, match="from 10 to 11"):
        delivery.accept(0, empty(11, 12))


def test_a_new_assignment_begins_anywhere() -> None:
    delivery = Delivery()
    assert delivery.accept(0, empty(0, 10)) is not None
    assert delivery.accept(1, empty(50, 60)) is not None
    assert delivery.accept(2, empty(20, 30)) is not None


def test_what_was_seen_already_is_left_out() -> None:
    delivery = Delivery()
    assert delivery.accept(0, empty(0, 10)) is not None
    assert delivery.accept(0, empty(3, 10)) is None
    assert delivery.accept(0, empty(3, 12)) is not None
