"""No two stories have one name, however they meet and however their rows come."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.detect.alert_identity import Identity, identity_of
from pipeline.domain.event_time import MINUTE
from tests.support.detect_run import DetectRun
from tests.support.minute_stats import Row
from tests.support.watch_rules import rule

T = 29_000_160
WINDOW, QUIET, LEAST = 30, 5, 4
RULE = rule(
    "after_end",
    feeds=["live_events"],
    ended_by={"dimension": "ended"},
    parameters={"window_min": WINDOW, "quiet_min": QUIET, "min_count": LEAST},
)
END = 100
SHORT_HOLE: dict[int, int] = {10: 1, 12: 3, 39: 3}
"""The window of the second story reaches back over the first one, to the minute it begins in."""


def graded(minute: int, count: int) -> Row:
    """Return grades of a course that ended before ``T``."""
    return _row(minute, "thing", count)


def _row(minute: int, dimension: str, count: int) -> Row:
    at = {"minute": (T + minute) * MINUTE, "feed": "live_events", "key": "56"}
    return {**at, "dimension": dimension, "rows": count}


def after_its_end() -> DetectRun:
    return DetectRun([RULE]).after([_row(-1, "ended", 1)], T)


def openings(run: DetectRun) -> list[int]:
    return [record["opened_at"] // MINUTE - T for record in run.latest()]


def test_two_stories_whose_windows_begin_in_one_minute_are_two_alerts() -> None:
    run = after_its_end()
    run.finalise([graded(*one) for one in SHORT_HOLE.items()], T + END)
    told = run.take()
    assert {record["window_start"] // MINUTE - T for record in told} == {10}
    assert openings(run) == [13, 40]
    assert len({identity_of(record) for record in told}) == 2


def test_an_alert_that_is_named_after_its_first_minute_keeps_its_name() -> None:
    """Earlier versions of this program named alerts so; one is open when the program is renewed."""
    run = after_its_end()
    run.observe([graded(*one) for one in SHORT_HOLE.items() if one[0] < 14])
    run.close({"live_events": T + 14})
    [opened] = run.take()
    fingerprint, named = identity_of(opened)
    former = f"{fingerprint}-{T + 10}"
    for state in run.states.values():
        state["state"] = state["state"].replace(named, former)
    renewed = run.restarted()
    renewed.published = []
    renewed.finalise([graded(*one) for one in SHORT_HOLE.items()], T + END)
    first, second = sorted(renewed.take(), key=lambda record: record["window_end"])
    assert first["episode"] == former
    assert second["episode"] == f"{fingerprint}-{T + 40}"


def test_a_name_is_not_taken_from_a_story_that_can_still_open() -> None:
    """An earlier story appears while a later one goes; it is over when the later one is back."""
    run = after_its_end()
    run.observe([graded(12, 2), graded(41, 2)])
    run.close({"live_events": T + 42})
    [later] = run.take()
    assert (later["window_start"] // MINUTE - T, later["opened_at"] // MINUTE - T) == (12, 42)
    run.observe([graded(10, 2), graded(41, 1)])
    assert {(one["status"], identity_of(one) == identity_of(later)) for one in run.take()} == {
        ("resolved", False),
        ("retracted", True),
    }
    run.finalise([graded(10, 2), graded(12, 2)], T + 30)
    [earlier] = run.take()
    run.observe([graded(41, 2)])
    [back] = run.take()
    assert (earlier["status"], back["status"]) == ("resolved", "open")
    assert identity_of(back) == identity_of(later) != identity_of(earlier)


counts = st.dictionaries(st.integers(0, END - 50), st.integers(1, LEAST), max_size=25)


@settings(max_examples=60, deadline=None)
@given(first=counts, last=counts, seed=st.integers(0, 2**32 - 1))
def test_a_name_is_given_once(first: dict[int, int], last: dict[int, int], seed: int) -> None:
    """Minutes are told as ``first`` has them, then as ``last``, and become final in cuts."""
    rng = np.random.default_rng(seed)
    run = after_its_end()
    final = 0
    while final < END:
        ahead = int(rng.integers(final, END + 1))
        for stats in (first, last):
            minutes = [n for n in range(final, ahead) if rng.random() < 0.5 or stats is last]
            run.observe([graded(n, stats.get(n, 0)) for n in minutes])
            run.close({"live_events": T + ahead - int(rng.integers(0, 3))})
            run.take()
        reach = int(rng.integers(final, ahead + 1))
        rows = [graded(n, last[n]) for n in range(final, reach) if n in last]
        run.finalise(rows, T + reach)
        run.take()
        final = max(final, reach)
    assert sorted(openings(run)) == openings(after_its_end_and(last))
    _law(run.published)


def after_its_end_and(stats: dict[int, int]) -> DetectRun:
    return after_its_end().after([graded(*one) for one in sorted(stats.items())], T + END)


def _law(published: list[dict[str, Any]]) -> None:
    identities = [(record["version"], *identity_of(record)) for record in published]
    assert len(set(identities)) == len(identities), "two records of one transaction"
    over: dict[Identity, dict[str, Any]] = {}
    for record in published:
        told = over.get(identity_of(record), record)
        assert (record["window_start"], record["window_end"], record["status"]) == (
            *(told["window_start"], told["window_end"]),
            told["status"],
        ), "another story under the name of one that is over"
        if record["status"] == "resolved" and not record["provisional"]:
            over[identity_of(record)] = record
