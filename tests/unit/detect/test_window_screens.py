"""A screen never hides a key whose window counts enough; and it does hide most others."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.window_screens import WindowScreen
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


@given(STATEMENTS, WIDTHS, st.integers(1, 6), st.integers(100, 130))
def test_no_key_that_met_enough_is_missing(
    statements: list[tuple[int, Feed, str, frozenset[str]]], width: int, least: int, before: int
) -> None:
    screen = WindowScreen(width, least)
    met: defaultdict[tuple[int, Feed, str], frozenset[str]] = defaultdict(frozenset)
    for minute, feed, key, members in statements:
        # Members of a minute only grow: a statement repeats what was said before.
        now = met[minute, feed, key] = met[minute, feed, key] | members
        screen.add(minute, feed, [key], [len(now)], [sorted(now)])
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
        screen.add(minute, WEB_LOGS, [key], [counts[minute, key]])
    for minute in range(100, 145):
        window = range(minute - width + 1, minute + 1)
        for key in "abc":
            if sum(counts[x, key] for x in window) >= least:
                assert key in screen.near(minute)


def test_the_same_member_again_and_again_is_one() -> None:
    screen = WindowScreen(30, 2)
    for minute in range(100, 200):
        screen.add(minute, WEB_LOGS, ["session"], [1], [("one browser",)])
        assert not screen.near(minute)
    screen.add(200, WEB_LOGS, ["session"], [1], [("another",)])
    assert "session" in screen.near(200)


def test_what_a_later_statement_repeats_is_counted_once() -> None:
    screen = WindowScreen(5, 10)
    for count in (3, 5, 9, 9, 9):
        screen.add(100, WEB_LOGS, ["key"], [count])
        assert not screen.near(100)
