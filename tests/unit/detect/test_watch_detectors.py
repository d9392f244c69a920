"""Every generic detector fires on what it is for, and stays quiet on noise and look-alikes."""

from typing import Any

import polars as pl
import pytest

from pipeline.detect.rules import check_references
from pipeline.domain.errors import SettingsError
from pipeline.domain.event_time import MINUTE
from tests.support.detect_run import DetectRun
from tests.support.noise import DAY, MONDAY, noise, planted
from tests.support.watch_rules import rule

DAYS = 4
LAST = 3 * DAY
"""Events happen on the last day."""

STEADY = {"cold_hours": 24, "season": "none"}
FRESH = {"learning_min": DAY, "known_min": DAY}


def alerts(stats: pl.DataFrame, given: Any, days: int = DAYS) -> list[tuple[str, int, int]]:
    """Return key, first minute (from the start) and length of every alert of a rule."""
    run = DetectRun([given])
    run.finalise(stats, MONDAY + days * DAY + 25)
    run.take()
    return [
        (
            r["key"],
            r["window_start"] // MINUTE - MONDAY,
            (r["window_end"] - r["window_start"]) // MINUTE,
        )
        for r in run.latest()
    ]


def some_noise(**more: Any) -> pl.DataFrame:
    return noise(2, [0.1, 0.5, 2, 8], DAYS, rhythm=False, **more)


def test_a_count_burst_is_found_on_its_key_from_its_first_minute_on() -> None:
    stats = planted(some_noise(), "k2", LAST + 600, 10, rows=30)
    [(key, first, length)] = alerts(stats, rule("count_burst", parameters=STEADY))
    assert key == "k2"
    assert LAST + 585 < first <= LAST + 600
    assert length >= 10


def test_a_daily_rhythm_is_no_burst_and_no_creep_and_no_silence() -> None:
    stats = noise(4, [0.5, 8], 8)
    for given in (
        rule("count_burst"),
        rule("change_point"),
        rule("absence", feeds=["web_logs"]),
    ):
        assert alerts(stats, given, 8) == []


def test_a_share_is_found_only_where_it_rose() -> None:
    given = rule("ratio", measure="errors")
    more = planted(some_noise(), "k3", LAST + 100, 10, rows=40)
    assert alerts(more, given) == []
    failing = planted(more, "k3", LAST + 600, 10, rows=40, errors=30)
    assert [key for key, _, _ in alerts(failing, given)] == ["k3"]


def test_many_members_are_found_and_as_many_as_usual_are_not() -> None:
    given = rule("fan_out")
    room = [f"u{i}" for i in range(15)]
    usual = planted(some_noise(members=3), "nat", 0, LAST, rows=20, members=room)
    assert [key for key, first, _ in alerts(usual, given) if first > DAY] == []
    burst = planted(usual, "k1", LAST + 600, 5, rows=20, members=[f"u{i}" for i in range(20)])
    assert [key for key, first, _ in alerts(burst, given) if first > DAY] == ["k1"]


def test_a_fan_out_rule_says_nothing_while_it_learns() -> None:
    stats = planted(some_noise(), "k1", DAY, 5, rows=20, members=[f"u{i}" for i in range(20)])
    assert len(alerts(stats, rule("fan_out", parameters={"learning_min": DAY}))) == 1
    assert alerts(stats, rule("fan_out", parameters={"learning_min": DAY + 10})) == []


def test_a_new_key_is_reported_once() -> None:
    stats = planted(some_noise(), "new", LAST + 100, 600, rows=2)
    given = rule("first_seen", novelty="key", parameters=FRESH)
    assert [(key, first) for key, first, _ in alerts(stats, given)] == [("new", LAST + 100)]


def test_a_new_member_is_news_for_a_key_that_keeps_to_its_own() -> None:
    given = rule("first_seen", novelty="member", parameters=FRESH)
    stats = planted(some_noise(members=3), "k1", LAST + 100, 3, rows=2, members=["far"])
    assert [(key, first) for key, first, _ in alerts(stats, given)] == [("k1", LAST + 100)]


def test_a_new_member_is_no_news_for_a_key_that_always_meets_new_ones() -> None:
    stats = some_noise(members=3)
    for day in range(1, DAYS):
        for time in (200, 700):
            stats = planted(stats, "k1", day * DAY + time, 2, rows=1, members=[f"x{day}{time}"])
    given = rule("first_seen", novelty="member", parameters=FRESH | {"max_probability": 0.2})
    assert [first for _, first, _ in alerts(stats, given) if first > LAST] == []


def test_an_unusual_hour_is_reported() -> None:
    stats = noise(2, [2], 1).clear()
    for day in range(DAYS):
        stats = planted(stats, "admin", day * DAY + 9 * 60, 8 * 60, rows=1)
    given = rule("first_seen", novelty="hour", parameters=FRESH | {"max_probability": 0.2})
    assert alerts(stats, given) == []
    stats = planted(stats, "admin", LAST + 2 * 60, 5, rows=1)
    assert [(key, first) for key, first, _ in alerts(stats, given)] == [("admin", LAST + 120)]


def test_an_unusual_hour_is_told_again_and_is_usual_after_some_nights() -> None:
    stats = noise(2, [2], 1).clear()
    for day in range(28):
        stats = planted(stats, "admin", day * DAY + 9 * 60, 8 * 60, rows=1)
    for day in range(14, 28):
        stats = planted(stats, "admin", day * DAY + 2 * 60, 5, rows=1)
    given = rule("first_seen", novelty="hour", parameters=FRESH)
    nights = [first // DAY for _, first, _ in alerts(stats, given, 28)]
    assert nights == [*range(14, 14 + len(nights))]
    assert 2 <= len(nights) <= 10


@pytest.mark.parametrize(("colleagues", "found"), [(0, 0), (4, 1)])
def test_who_has_little_history_is_expected_when_colleagues_work(
    colleagues: int, found: int
) -> None:
    stats = noise(2, [2], 1).clear()
    for day in range(DAYS):
        for number in range(colleagues):
            stats = planted(stats, f"admin-{number}", day * DAY + 9 * 60, 8 * 60, rows=1)
    for day in (0, 1, 2, 3):
        stats = planted(stats, "new", day * DAY + 14 * 60, 5, rows=1)
    stats = planted(stats, "new", LAST + 2 * 60, 5, rows=1)
    given = rule("first_seen", novelty="hour", parameters=FRESH)
    assert [key for key, _, _ in alerts(stats, given)] == ["new"] * found


def test_without_a_baseline_the_floors_alone_count_and_no_chance_is_told() -> None:
    given = rule("fan_out", parameters={"baseline": "none", "min_members": 2, "min_rows": 4})
    one = planted(noise(2, [2], 1).clear(), "s", 600, 10, rows=1, members=["home"])
    assert alerts(one, given, 1) == []
    assert alerts(planted(one, "s", 612, 2, rows=1, members=["elsewhere"]), given, 1) != []
    assert alerts(planted(one, "s", 640, 3, rows=1, members=["elsewhere"]), given, 1) == []


@pytest.mark.parametrize(("gap", "found"), [(3, 1), (-6, 0), (40, 0)])
def test_steps_count_only_in_their_order_and_within_the_window(gap: int, found: int) -> None:
    failures = planted(some_noise().clear(), "ip", 600, 5, rows=2, errors=2)
    stats = planted(failures, "ip", 604 + gap, 1, rows=1, writes=1)
    steps = [{"dimension": "thing", "measure": "errors", "min_count": 8}]
    given = rule("sequence", measure="writes", after=steps)
    assert len(alerts(stats, given, 1)) == found


@pytest.mark.parametrize(("successes", "found"), [(1, 1), (2, 1), (3, 0), (50, 0)])
def test_a_step_that_is_too_small_a_share_of_what_follows_is_passed_by_nobody(
    successes: int, found: int
) -> None:
    failures = planted(some_noise().clear(), "ip", 600, 5, rows=2, errors=2)
    stats = planted(failures, "ip", 601, 5, rows=successes, writes=successes)
    steps = [{"dimension": "thing", "measure": "errors", "min_count": 8, "min_share": 0.5}]
    given = rule("sequence", measure="writes", after=steps)
    assert len(alerts(stats, given, 1)) == found


def test_what_has_no_model_of_accidents_tells_no_chance_of_one() -> None:
    stats = planted(some_noise().clear(), "k", 600, 3, rows=2)
    run = DetectRun([rule("sequence", parameters={"min_count": 6})])
    run.finalise(stats, MONDAY + DAY)
    run.take()
    [found] = run.latest()
    assert found["probability"] is None
    assert "chance" not in found["explanation"]


def test_one_step_is_a_count_with_a_floor() -> None:
    stats = planted(some_noise().clear(), "k", 600, 3, rows=2)
    assert len(alerts(stats, rule("sequence", parameters={"min_count": 6}), 1)) == 1
    assert len(alerts(stats, rule("sequence", parameters={"min_count": 7}), 1)) == 0


def test_a_creep_is_found_though_no_window_is_a_burst() -> None:
    stats = planted(some_noise(), "k2", 2 * DAY, 2 * DAY, rows=2)
    assert alerts(stats, rule("count_burst", parameters=STEADY)) == []
    parameters = STEADY | {"cold_hours": 36}
    [(key, first, _)] = alerts(stats, rule("change_point", parameters=parameters))
    assert key == "k2"
    assert first <= 2 * DAY + 12 * 60


def test_a_silence_is_found_when_its_window_is_closed() -> None:
    stats = some_noise()
    quiet = pl.col("minute").is_between((MONDAY + LAST) * MINUTE, (MONDAY + LAST + 119) * MINUTE)
    given = rule("absence", feeds=["web_logs"], parameters=STEADY)
    found = alerts(stats.filter(~quiet | (pl.col("key") == "k0")), given)
    assert {key for key, _, _ in found} == {"k1", "k2", "k3"}
    assert all(LAST <= first <= LAST + 60 for _, first, _ in found)
    assert alerts(stats, given) == []


def test_more_alerts_than_a_rule_may_raise_an_hour_become_one() -> None:
    stats = some_noise()
    for number in range(15):
        stats = planted(stats, f"new{number}", LAST + 600, 5, rows=500)
    found = alerts(stats, rule("count_burst", parameters=STEADY | {"max_alerts_per_hour": 4}))
    keys = [key for key, _, _ in found]
    assert len(keys) == 5
    assert "(many)" in keys


def test_parts_are_contributors_of_the_whole_unless_a_few_explain_it() -> None:
    def families(stats: pl.DataFrame) -> list[tuple[str, str]]:
        total = stats.group_by("minute", maintain_order=True).agg(
            pl.lit("all").alias("dimension"),
            pl.lit("").alias("key"),
            pl.col("rows").sum(),
            *(
                pl.col(c).first()
                for c in stats.columns
                if c not in {"minute", "dimension", "key", "rows"}
            ),
        )
        both = pl.concat([stats, total.select(stats.columns)]).sort("minute", maintain_order=True)
        parameters = STEADY | {"min_ratio": 2}
        run = DetectRun(
            [
                rule("count_burst", id="instance", dimension="all", parameters=parameters),
                rule("count_burst", id="each", part_of="instance", parameters=parameters),
            ]
        )
        run.finalise(both, MONDAY + DAYS * DAY + 25)
        run.take()
        return [(r["rule"], r["key"]) for r in run.latest()]

    one = planted(some_noise(), "k1", LAST + 600, 10, rows=60)
    assert families(one) == [("each", "k1")]
    everywhere = some_noise()
    for key in ("k0", "k1", "k2", "k3", *(f"n{i}" for i in range(6))):
        everywhere = planted(everywhere, key, LAST + 600, 10, rows=10)
    assert families(everywhere) == [("instance", "")]


def test_a_part_names_a_whole_of_its_detector_and_measure() -> None:
    whole = rule("count_burst", id="whole")
    check_references([whole, rule("count_burst", id="part", part_of="whole")])
    for wrong in (
        rule("fan_out", id="part", part_of="whole"),
        rule("count_burst", id="part", part_of="whole", measure="errors"),
        rule("count_burst", id="part", part_of="nothing"),
    ):
        with pytest.raises(SettingsError, match="part"):
            check_references([whole, wrong])
