"""Members of held identities are what a dictionary of sets says, however they come."""

from typing import Any

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.aggregate.batch_columns import text_views
from pipeline.aggregate.held_members import HeldMembers
from pipeline.aggregate.members import estimated_distinct, smallest_by_hash

MOST = 3
SLOTS = 5
PAIRS = st.lists(st.tuples(st.integers(0, SLOTS - 1), st.sampled_from("abcdefgé")), max_size=12)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), PAIRS),
        st.tuples(st.just("forget"), st.sets(st.integers(0, SLOTS + 1))),
        st.tuples(st.just("pack"), st.permutations(range(SLOTS))),
        st.tuples(st.just("pack all"), st.none()),
        st.tuples(st.just("cap"), st.sets(st.integers(0, SLOTS - 1))),
    ),
    max_size=12,
)


class Sets:
    """The same in plain words: a set and a flag for each slot."""

    def __init__(self) -> None:
        self.held: list[tuple[set[str], bool]] = [(set(), False)] * SLOTS

    def take(self, kind: str, what: Any) -> None:
        if kind == "add":
            for slot, member in what:
                members, capped = self.held[slot]
                members = members | {member}
                kept = set(smallest_by_hash(members, MOST))
                self.held[slot] = (kept, capped or len(members) > MOST)
        elif kind == "forget":
            self.held = [
                (set(), False) if slot in what else one for slot, one in enumerate(self.held)
            ]
        elif kind == "pack":
            self.held = [self.held[slot] for slot in what]
        elif kind == "cap":
            # A restore says so of slots that have members alone.
            self.held = [
                (members, capped or (slot in what and bool(members)))
                for slot, (members, capped) in enumerate(self.held)
            ]


@given(STEPS, st.permutations(range(SLOTS)))
def test_held_members_are_bottom_k_sets(steps: list[tuple[str, Any]], asked: list[int]) -> None:
    """Adding, forgetting, packing and restoring in any order gives what sets give."""
    held, sets = HeldMembers(MOST), Sets()
    for kind, what in steps:
        if kind == "add":
            members = text_views(pl.Series([member for _, member in what], dtype=pl.String))
            held.add(np.array([slot for slot, _ in what], np.int64), members)
        elif kind == "forget":
            held.forget(np.array(sorted(what), np.int64))
        elif kind == "cap":
            having = [slot for slot in sorted(what) if sets.held[slot][0]]
            held.cap(np.array(having, np.int64))
        else:
            held = held.packed(None if what is None else np.array(what, np.int64))
        sets.take(kind, what)
    found = held.columns(np.array(asked, np.int64))
    expected = [sets.held[slot] for slot in asked]
    assert pl.Series(values=found.members).to_list() == [sorted(members) for members, _ in expected]
    assert found.capped.tolist() == [capped for _, capped in expected]
    assert found.distinct.tolist() == [
        estimated_distinct(members, MOST, capped=capped) for members, capped in expected
    ]
