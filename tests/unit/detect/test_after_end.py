"""What goes on after an end is told; what goes on rightly is not."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.detect.rules import AnyRule
from tests.support.detect_run import DetectRun
from tests.support.minute_stats import Row, frame
from tests.support.watch_rules import rule

DAY = 24 * 60
T = 29_495_520
"""2026-01-30 00:00 UTC, in minutes."""

REOPEN = 60
ENDED, OPEN, GRADED = "ended", "open", "thing"


def after_end(**parameters: Any) -> AnyRule:
    made: AnyRule = rule(
        "after_end",
        feeds=["live_events"],
        ended_by={"dimension": ENDED},
        reopened_by={"dimension": OPEN},
        parameters={"window_min": 30, "min_count": 4, "reopen_min": REOPEN, **parameters},
    )
    return made


def rows(*said: tuple[int, str, int], key: str = "56") -> list[Row]:
    """Return counts of a key: minute, dimension, how many."""
    return [
        {
            "minute": (T + minute) * 60_000_000,
            "dimension": dimension,
            "key": key,
            "feed": "live_events",
            "rows": count,
        }
        for minute, dimension, count in said
    ]


def told(stats: list[Row], one: AnyRule, until: int = 400 * DAY) -> list[int]:
    """Return the minutes at which alerts begin."""
    run = DetectRun([one])
    table = frame(sorted(stats, key=lambda row: row["minute"]))
    run.finalise(table, T + until)
    run.take()
    return sorted(record["window_start"] // 60_000_000 - T for record in run.latest())


def test_what_goes_on_after_the_end_is_told() -> None:
    assert told(rows((0, ENDED, 1), (40 * DAY, GRADED, 4)), after_end()) == [40 * DAY]


@pytest.mark.parametrize(
    "said",
    [
        [(0, ENDED, 1), (DAY, GRADED, 3)],
        [(0, GRADED, 9), (1, ENDED, 1)],
        [(5, GRADED, 9), (5, ENDED, 1)],
        [(0, OPEN, 1), (5, GRADED, 9)],
        [(0, ENDED, 1), (DAY, GRADED, 2), (DAY + 31, GRADED, 2)],
    ],
)
def test_too_little_or_before_the_end_is_not_told(said: list[tuple[int, str, int]]) -> None:
    assert told(rows(*said), after_end()) == []


@pytest.mark.parametrize(("waits", "found"), [(REOPEN - 1, True), (REOPEN, False)])
def test_what_goes_on_again_counts_as_ended_for_a_while(waits: int, found: bool) -> None:  # noqa: FBT001
    stats = rows((0, ENDED, 1), (DAY, OPEN, 1), (DAY + waits, GRADED, 9))
    assert bool(told(stats, after_end())) is found


def test_an_end_is_of_its_own_key() -> None:
    stats = rows((0, ENDED, 1)) + rows((DAY, GRADED, 9), key="57")
    assert told(stats, after_end()) == []


def test_an_end_is_forgotten_after_its_time() -> None:
    stats = rows((0, ENDED, 1), (20 * DAY, GRADED, 9))
    noise = [one for day in range(30) for one in rows((day * DAY, ENDED, 1), key=f"other-{day}")]
    assert told(stats + noise, after_end(forget_after_min=10 * DAY)) == []
    assert told(stats + noise, after_end(forget_after_min=30 * DAY)) == [20 * DAY]


def test_in_a_period_every_key_has_ended_by_the_clocks_of_the_rule() -> None:
    period = {"from": "2026-02-02", "until": "2026-02-04"}
    one = after_end(ended_between=[period]).model_copy(update={"time_zone": "America/Denver"})
    begins, ends = 3 * DAY + 7 * 60, 5 * DAY + 7 * 60
    assert told(rows((begins, GRADED, 4)), one) == [begins]
    assert told(rows((begins - 1, GRADED, 4)), one) == []
    assert told(rows((ends - 1, GRADED, 4)), one) == [ends - 1]
    assert told(rows((ends, GRADED, 4)), one) == []


@settings(max_examples=40, deadline=None)
@given(
    said=st.lists(
        st.tuples(st.integers(0, 300), st.sampled_from([ENDED, OPEN, GRADED]), st.integers(1, 3)),
        max_size=40,
        unique_by=lambda one: one[:2],
    )
)
def test_alerts_are_those_of_the_plain_reading_of_the_rule(
    said: list[tuple[int, str, int]],
) -> None:
    """Minute by minute, with no memory but the whole story."""

    def is_over(minute: int) -> bool:
        ended: int | None = None
        opened: int | None = None
        story = sorted(
            ((x, kind) for x, kind, _ in said if kind != GRADED and x <= minute),
            key=lambda one: (one[0], one[1] == ENDED),
        )
        for x, kind in story:
            if kind == ENDED:
                ended, opened = (x if ended is None or opened is not None else ended), None
            elif opened is None:
                opened = x
        if ended is None or minute <= ended:
            return False
        return opened is None or minute < opened + REOPEN

    graded = {x: count for x, kind, count in said if kind == GRADED}
    flagged = [
        minute
        for minute in sorted(graded)
        if is_over(minute)
        and sum(n for x, n in graded.items() if minute - 30 < x <= minute and is_over(x)) >= 4
    ]
    assert bool(told(rows(*said), after_end())) == bool(flagged)
