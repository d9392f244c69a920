"""A screen never hides a key whose window counts enough; and it does hide most others."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.texts import RowKeys, TextLists
from pipeline.detect.window_screens import Counted, WindowScreen, counted_at
from pipeline.domain.feeds import LIVE_EVENTS, WEB_LOGS, Feed

MEMBERS = st.frozensets(st.sampled_from("uvwxyz"), min_size=1, max_size=4)
STATEMENTS = st.lists(
    st.tuples(
        st.integers(100, 130),
        st.sampled_from([WEB_LOGS, LIVE_EVENTS]),
        st.sampled_from("abc"),
        MEMBERS,
    ),
    max_size=30,
)
WIDTHS = st.integers(1, 12)


def of_minute(
    minute: int, feed: Feed, keys: list[str], counts: list[int], members: Sequence[Sequence[str]]
) -> Counted:
    numbers = np.array(counts, np.int64)
    lists = TextLists.of(pl.Series(members, dtype=pl.List(pl.String)))
    moment = 2 * minute + (feed == WEB_LOGS)
    return counted_at(minute, moment, keys, numbers, lists.alone(numbers))


@given(STATEMENTS, WIDTHS, st.integers(1, 6), st.integers(100, 130))
def test_no_key_that_met_enough_is_missing(
    statements: list[tuple[int, Feed, str, frozenset[str]]], width: int, least: int, before: int
) -> None:
    screen = WindowScreen(width, least)
    met: defaultdict[tuple[int, Feed, str], frozenset[str]] = defaultdict(frozenset)
    for minute, feed, key, members in statements:
        # Members of a minute only grow: a statement repeats what was said before.
        now = met[minute, feed, key] = met[minute, feed, key] | members
        screen.add(of_minute(minute, feed, [key], [len(now)], [sorted(now)]))
    screen.drop(before)
    for minute in range(before, 145):
        window = range(minute - width + 1, minute + 1)
        for key in "abc":
            of_key = [met[x, feed, key] for x in window for feed in (WEB_LOGS, LIVE_EVENTS)]
            if len(frozenset[str]().union(*of_key)) >= least:
                assert key in screen.near(minute)


@given(STATEMENTS, WIDTHS, st.integers(1, 20))
def test_no_key_that_counted_enough_is_missing(
    statements: list[tuple[int, Feed, str, frozenset[str]]], width: int, least: int
) -> None:
    screen = WindowScreen(width, least)
    counts: defaultdict[tuple[int, str], int] = defaultdict(int)
    for minute, _, key, members in statements:
        counts[minute, key] += len(members)
        screen.add(counted_at(minute, minute, [key], np.array([counts[minute, key]])))
    for minute in range(100, 145):
        window = range(minute - width + 1, minute + 1)
        for key in "abc":
            if sum(counts[x, key] for x in window) >= least:
                assert key in screen.near(minute)


def test_the_same_member_again_and_again_is_one() -> None:
    screen = WindowScreen(30, 2)
    for minute in range(100, 200):
        screen.add(of_minute(minute, WEB_LOGS, ["session"], [1], [["one browser"]]))
        assert not screen.near(minute)
    screen.add(of_minute(200, WEB_LOGS, ["session"], [1], [["another"]]))
    assert "session" in screen.near(200)


def test_what_a_later_statement_repeats_is_counted_once() -> None:
    screen = WindowScreen(5, 10)
    for count in (3, 5, 9, 9, 9):
        screen.add(counted_at(100, 100, ["key"], np.array([count])))
        assert not screen.near(100)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 99), st.integers(1, 3)), max_size=300),
    st.integers(1, 12),
    st.integers(1, 6),
)
def test_rows_taken_together_are_taken_as_one_by_one(
    rows: list[tuple[int, int, int]], width: int, least: int
) -> None:
    together, singly = WindowScreen(width, least), WindowScreen(width, least)
    for part in (sorted(rows[:200]), sorted(rows[200:])):
        minutes, numbers, counts = np.array(part, np.int64).reshape(-1, 3).T.copy()
        keys = RowKeys(pl.Series([f"key {number}" for number in numbers], dtype=pl.String))
        ones = np.where(counts == 1, 1 + numbers % 2, 0)
        every = Counted(keys, minutes, minutes, counts, ones)
        together.add(every)
        for at in range(len(part)):
            columns = (column[at : at + 1] for column in (minutes, minutes, counts, ones))
            singly.add(Counted(keys.picked(np.array([at])), *columns))
    for minute in range(60):
        assert set(together.near(minute)) == set(singly.near(minute))
