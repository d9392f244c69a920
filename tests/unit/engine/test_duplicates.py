"""The duplicate filter equals a plain set (rule 21)."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.event_time import MICROS, MINUTE
from pipeline.engine.duplicates import DuplicateFilter, held_from

keys = st.lists(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 2**64 - 1) | st.integers(0, 3)), max_size=60
    ),
    max_size=12,
)


@given(keys)
def test_each_key_is_new_once(chunks: list[list[tuple[int, int]]]) -> None:
    held = DuplicateFilter()
    seen: set[tuple[int, int]] = set()
    for chunk in chunks:
        expected = []
        for key in chunk:
            expected.append(key not in seen)
            seen.add(key)
        hi = np.array([k[0] for k in chunk], np.uint64)
        lo = np.array([k[1] for k in chunk], np.uint64)
        assert held.admit(hi, lo, np.zeros(len(chunk), np.int64)).tolist() == expected
    assert len(held) == len(seen)


def test_keys_past_the_limit_are_forgotten_and_cost_no_memory() -> None:
    held = DuplicateFilter()
    rng = np.random.default_rng(1)
    largest = 0
    for second in range(400):
        hi, lo = rng.integers(0, 2**63, (2, 1000)).astype(np.uint64)
        held.admit(hi, lo, np.full(1000, second * MICROS, np.int64))
        held.forget((second - 10) * MICROS)
        largest = max(largest, held.nbytes)
    assert largest <= 20 * 2 * 13 * 1000


def test_after_a_flood_the_table_is_as_large_as_what_is_held() -> None:
    held = DuplicateFilter()
    rng = np.random.default_rng(1)
    flood = rng.integers(0, 2**63, (2, 100_000)).astype(np.uint64)
    held.admit(flood[0], flood[1], np.zeros(100_000, np.int64))
    for minute in range(1, 5):
        few = rng.integers(0, 2**63, (2, 1000)).astype(np.uint64)
        times = np.full(1000, minute * MINUTE, np.int64)
        assert held.admit(few[0], few[1], times).all()
        held.forget(minute * MINUTE)
        assert not held.admit(few[0], few[1], times).any()
    assert held.nbytes <= 20 * 8 * 1000


def test_keys_within_the_limit_survive_every_rebuild() -> None:
    held = DuplicateFilter()
    rng = np.random.default_rng(2)
    hi, lo = rng.integers(0, 2**63, (2, 5000)).astype(np.uint64)
    limit = 100 * MICROS
    assert held.admit(hi, lo, np.full(5000, limit, np.int64)).all()
    held.forget(limit)
    for _ in range(20):
        other = rng.integers(0, 2**63, (2, 5000)).astype(np.uint64)
        held.admit(other[0], other[1], np.full(5000, 98 * MICROS, np.int64))
    assert not held.admit(hi, lo, np.full(5000, limit, np.int64)).any()


@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20 * MICROS)), max_size=8),
            st.integers(0, 20 * MICROS),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_a_key_is_held_while_a_row_of_it_is_within_the_limit_and_no_longer(
    steps: list[tuple[list[tuple[int, int]], int, bool]],
) -> None:
    """Whatever is rebuilt meanwhile, and whether or not the filter is filled anew from the rows."""
    held, limit, seen = DuplicateFilter(), 0, list[tuple[int, int]]()
    for number, (drawn, moved, crash) in enumerate(steps):
        if crash:
            held = DuplicateFilter()
            admit(held, [row for row in seen if row[1] >= held_from(limit)])
        rows = [row for row in drawn if row[1] >= limit]
        held.forget(limit)
        expected = []
        for key, time in rows:
            expected.append(all(k != key or t < held_from(limit) for k, t in seen))
            seen.append((key, time))
        assert admit(held, rows) == expected
        filler = np.arange(300, dtype=np.uint64) + np.uint64((number + 1) << 32)
        held.admit(filler, filler, np.zeros(300, np.int64))
        limit = max(limit, moved)


def admit(held: DuplicateFilter, rows: list[tuple[int, int]]) -> list[bool]:
    """Admit rows of (key, time); return which were new."""
    keys = np.array([key for key, _ in rows], np.uint64)
    new: list[bool] = held.admit(keys, keys, np.array([t for _, t in rows], np.int64)).tolist()
    return new


@given(st.integers(0, 2**52))
def test_no_key_within_the_limit_is_let_go_and_none_is_held_two_seconds_longer(limit: int) -> None:
    assert limit - 2 * MICROS < held_from(limit) <= limit
