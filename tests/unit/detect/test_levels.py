"""What levels, seasons, trends and budgets of false alarms promise."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.detect.alarm_budget import HOURS, LEAST_TESTS, AlarmBudget
from pipeline.detect.levels import LevelModel, Levels
from pipeline.domain.event_time import MINUTE
from tests.support.detect_run import DetectRun
from tests.support.noise import DAY, MONDAY, noise, planted
from tests.support.watch_rules import rule

WEEK = 7 * DAY
BLOCK = 15
TEN = 10 * 60
SATURDAY = 5 * DAY


def levels(*, seasonal: bool = False, trend: bool = False) -> Levels:
    return Levels(
        LevelModel(
            block_min=BLOCK,
            prior_per_hour=1.0,
            prior_shape=0.5,
            dispersion=0.25,
            clump=1.0,
            half_life_min=7 * DAY,
            forget_after_min=30 * DAY,
            max_keys=10,
            seasonal=seasonal,
            trend=trend,
        )
    )


def taught(of: Levels, counts: list[int]) -> Levels:
    """Return levels that have learned blocks of one key from a Monday on."""
    for number, count in enumerate(counts):
        start = MONDAY + number * BLOCK
        of.learn(start, {"k": count}, alive=True, left_out=frozenset())
    return of


def expected(of: Levels, at: int) -> float:
    return of.expect(MONDAY + at, "k", BLOCK).mean


@settings(max_examples=5, deadline=None, derandomize=True)
@given(st.integers(20, 200), st.integers(2, 8))
def test_each_hour_of_the_week_is_expected_as_it_was(busy: int, times: int) -> None:
    """Workdays are so many times as busy as the weekend, at every hour."""
    blocks = range(0, 3 * WEEK, BLOCK)
    of = taught(
        levels(seasonal=True), [busy * (times if x % WEEK < SATURDAY else 1) for x in blocks]
    )
    on_monday, on_saturday = expected(of, 3 * WEEK + TEN), expected(of, 3 * WEEK + SATURDAY + TEN)
    assert on_monday == pytest.approx(busy * times, rel=0.2)
    assert on_saturday == pytest.approx(busy, rel=0.4)
    flat = taught(levels(), [busy * (times if x % WEEK < SATURDAY else 1) for x in blocks])
    assert expected(flat, 3 * WEEK + TEN) == expected(flat, 3 * WEEK + SATURDAY + TEN)


def test_an_hour_not_seen_yet_is_taken_for_one_of_a_like_day() -> None:
    of = taught(
        levels(seasonal=True), [10 + 90 * (x % DAY >= TEN) for x in range(0, 2 * DAY, BLOCK)]
    )
    assert of.season.knows(MONDAY + 2 * DAY + TEN)
    assert not of.season.knows_well(MONDAY + 2 * DAY + TEN)
    assert not of.season.knows(MONDAY + SATURDAY + TEN)
    assert expected(of, 2 * DAY + TEN + BLOCK) > 2 * expected(of, 2 * DAY + TEN - 2 * BLOCK)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.integers(20, 500))
def test_a_level_that_doubled_is_expected_higher_with_a_trend_and_never_twice_the_level(
    usual: int,
) -> None:
    blocks = 2 * WEEK // BLOCK
    counts = [round(usual * (1 + max(0, x - blocks // 2) / (blocks // 2))) for x in range(blocks)]
    flat, rising = taught(levels(), counts), taught(levels(trend=True), counts)
    assert expected(flat, 2 * WEEK) < 1.7 * usual
    assert expected(flat, 2 * WEEK) * 1.1 < expected(rising, 2 * WEEK)
    assert expected(rising, 2 * WEEK) <= 2 * expected(flat, 2 * WEEK) + 1e-9


@given(st.integers(10, 10**6), st.floats(0.01, 10), st.sampled_from([1e-4, 1e-2, 1.0]))
def test_noise_raises_as_many_false_alarms_a_week_as_the_rule_may(
    an_hour: int, alarms: float, most: float
) -> None:
    budget = AlarmBudget(alarms, most)
    for hour in range(2 * HOURS):
        budget.count((100_000 + hour) * 60, an_hour)
    tests = max(LEAST_TESTS, HOURS * an_hour)
    assert budget.probability == pytest.approx(min(most, alarms / tests))
    other = AlarmBudget(alarms, most)
    other.load(budget.dump())
    assert other.probability == budget.probability


# -- what was flagged is not learned

LAST = 3 * DAY
STEADY = {"cold_hours": 24, "season": "none"}

ROBUST: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("count_burst", {"parameters": STEADY}, {"rows": 60}),
    ("ratio", {"measure": "errors"}, {"rows": 60, "errors": 50}),
    ("fan_out", {}, {"rows": 20, "members": [f"u{i}" for i in range(30)]}),
]


@pytest.mark.parametrize(("detector", "more", "burst"), ROBUST)
def test_the_same_again_is_as_unusual_as_the_first_time(
    detector: str, more: dict[str, Any], burst: dict[str, Any]
) -> None:
    stats = noise(2, [2, 2], 5, rhythm=False, members=3)
    for at in (LAST, LAST + DAY):
        stats = planted(stats, "k0", at, 20, **burst)
    run = DetectRun([rule(detector, **more)])
    run.finalise(stats, MONDAY + 5 * DAY + 30)
    run.take()
    ours = [one for one in run.latest() if one["key"] == "k0"]
    first, second = [one for one in ours if one["window_end"] > (MONDAY + LAST) * MINUTE]
    assert second["expected"] <= 1.2 * first["expected"]


def test_a_creep_that_was_found_is_as_unusual_the_next_time() -> None:
    stats = noise(2, [2], 10, rhythm=False)
    for at in (4 * DAY, 7 * DAY):
        stats = planted(stats, "k0", at, DAY, rows=4)
    run = DetectRun([rule("change_point", parameters=STEADY)])
    run.finalise(stats, MONDAY + 10 * DAY + 30)
    run.take()
    first, second = run.latest()
    assert second["window_start"] - first["window_end"] > DAY * MINUTE
    assert second["expected"] <= 1.2 * first["expected"]
