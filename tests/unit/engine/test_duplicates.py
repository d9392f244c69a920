"""The duplicate filter equals a plain set (rule 21)."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.event_time import MICROS
from pipeline.engine.duplicates import DuplicateFilter

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


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 10**9)), max_size=200))
def test_a_key_is_held_as_long_as_its_time_is_within_the_limit(
    steps: list[tuple[int, int]],
) -> None:
    """Whatever is rebuilt meanwhile; keys behind the limit may be held or not."""
    held, limit = DuplicateFilter(), 0
    times: dict[int, int] = {}
    for number, time in steps:
        new = held.admit(*(np.array([number], kind) for kind in ("u8", "u8")), np.array([time]))
        if number in times and times[number] >= limit:
            assert not new[0]
        elif number not in times:
            assert new[0]
        times.setdefault(number, time)
        limit = max(limit, time // 2)
        held.forget(limit)
        filler = np.arange(300, dtype=np.uint64) + np.uint64((len(times) + 1) << 32)
        held.admit(filler, filler, np.zeros(300, np.int64))
