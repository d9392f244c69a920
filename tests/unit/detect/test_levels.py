"""What levels, seasons, trends and budgets of false alarms promise."""

from typing import Any

import polars as pl
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


def test_a_budget_without_tests_has_nothing_to_keep() -> None:
    budget = AlarmBudget(1, 1e-4)
    budget.touch()
    assert budget.take_states("rule") == []
    budget.count(6_000_000, 1)
    first = budget.take_states("rule")
    assert first
    assert budget.take_states("rule") == []
    budget.touch()
    assert budget.take_states("rule") == first


# -- zeros, missing minutes, series with few events


@given(st.lists(st.integers(0, 3), min_size=30, max_size=200))
def test_a_zero_is_a_count_whether_it_is_told_or_nothing_is(counts: list[int]) -> None:
    """A key that comes back takes the zeros that have passed on the clock of all keys."""
    counts = [7, *counts, 1]
    told, silent = taught(levels(), counts), levels()
    for number, count in enumerate(counts):
        said = {"k": count} if count else {}
        silent.learn(MONDAY + number * BLOCK, said, alive=True, left_out=frozenset())
    end = len(counts) * BLOCK
    assert expected(silent, end) == pytest.approx(expected(told, end), rel=0.02)


@given(st.integers(5, 100), st.integers(1, DAY // BLOCK))
def test_zeros_lower_what_is_expected_and_missing_minutes_leave_it_as_it_was(
    usual: int, blocks: int
) -> None:
    known = [usual] * (DAY // BLOCK)
    zeros, missing = taught(levels(), [*known, *[0] * blocks]), taught(levels(), known)
    before = expected(missing, DAY)
    for number in range(blocks):
        start = MONDAY + DAY + number * BLOCK
        missing.learn(start, {}, alive=False, left_out=frozenset())
    end = DAY + blocks * BLOCK
    assert expected(missing, end) == pytest.approx(before, rel=0.05)
    # What was learned counts a little more than the zeros, which are newer, would say.
    assert expected(zeros, end) == pytest.approx(
        before * len(known) / (len(known) + blocks), rel=0.2
    )


@given(st.integers(1, 4), st.integers(20, 60))
def test_a_series_with_few_events_is_expected_between_them_and_all_others(
    few: int, usual: int
) -> None:
    of = levels()
    for number in range(DAY // BLOCK):
        counts = {f"k{n}": usual for n in range(5)} | ({"rare": 1} if number < few else {})
        of.learn(MONDAY + number * BLOCK, counts, alive=True, left_out=frozenset())
    new, rare = of.expect(MONDAY + DAY, "new", BLOCK), of.expect(MONDAY + DAY, "rare", BLOCK)
    own = few * BLOCK / DAY
    assert own < rare.mean < new.mean <= usual + 1e-9
    # And the fewer there were, the less is sure.
    assert new.shape < rare.shape < of.expect(MONDAY + DAY, "k0", BLOCK).shape


@pytest.mark.parametrize(("together", "found"), [(1, 0), (3, 0), (40, 1)])
def test_of_a_series_with_few_events_some_at_once_are_no_burst_and_many_are(
    together: int, found: int
) -> None:
    stats = noise(2, [2], 4, rhythm=False)
    for at in (600, DAY + 60, 2 * DAY + 900):
        stats = planted(stats, "rare", at, 1, rows=1)
    stats = planted(stats, "rare", LAST + 300, 1, rows=together)
    run = DetectRun([rule("count_burst", parameters=STEADY)])
    run.finalise(stats, MONDAY + 4 * DAY + 30)
    run.take()
    assert [one["key"] for one in run.latest()] == ["rare"] * found


@pytest.mark.parametrize("hole", [30, 300])
def test_missing_minutes_are_neither_a_burst_nor_a_reason_for_one_afterwards(hole: int) -> None:
    stats = noise(2, [2, 8], 4, rhythm=False)
    since = (MONDAY + LAST + 300) * MINUTE
    stats = stats.filter(~pl.col("minute").is_between(since, since + hole * MINUTE))
    run = DetectRun([rule("count_burst", parameters=STEADY), rule("ratio", measure="errors")])
    run.finalise(stats, MONDAY + 4 * DAY + 30)
    run.take()
    assert run.latest() == []


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
