"""Hours of the week and of the day are those of the installation's clocks, which change."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.app.rule_files import read_rules
from pipeline.app.rule_watch import RuleWatch
from pipeline.detect.local_time import local_minute
from pipeline.detect.rules import AnyRule, changed_rule, in_zone, load_rule
from pipeline.detect.rules.watching import WatchRule
from pipeline.detect.season import hour_of_week
from pipeline.domain.event_time import MINUTE
from tests.support.detect_run import RULES, DetectRun
from tests.support.noise import DAY, whole
from tests.support.watch_rules import rule

DENVER: Final = "America/Denver"
ZONES: Final = (DENVER, "Europe/Zurich", "Asia/Kolkata", "Australia/Lord_Howe", "UTC")

BACK: Final = datetime(2026, 11, 1, tzinfo=ZoneInfo(DENVER))
AHEAD: Final = datetime(2026, 3, 8, tzinfo=ZoneInfo(DENVER))
"""Sundays on which clocks change in Denver."""


def minute_of(at: datetime) -> int:
    return int(at.timestamp()) // 60


@given(st.integers(0, 90 * 365 * DAY), st.sampled_from(ZONES))
def test_a_local_minute_is_what_the_clocks_of_the_zone_show(minute: int, zone: str) -> None:
    shown = datetime.fromtimestamp(minute * 60, UTC).astimezone(ZoneInfo(zone))
    local = local_minute(minute, zone)
    assert (local // 60 % 24, local % 60) == (shown.hour, shown.minute)
    assert hour_of_week(local) == shown.weekday() * 24 + shown.hour


def mornings(seed: int, change: datetime, steep: float) -> tuple[int, int, pl.DataFrame]:
    """Return first minute, end and stats of five weeks whose days begin at eight, by the clock.

    Clocks change after four of them.
    """
    first, end = (minute_of(change + timedelta(days=days)) for days in (-27, 7))
    minutes = np.arange(first, end)
    local: npt.NDArray[np.int64] = np.array([local_minute(x, DENVER) for x in minutes.tolist()])
    hour, workday = local / 60 % 24, (local // DAY + 3) % 7 < 5
    day = 1 / (1 + np.exp((8 - hour) * steep)) / (1 + np.exp((hour - 21) * 2))
    many = np.random.default_rng(seed).poisson((0.3 + 40 * day) * np.where(workday, 1, 0.4))
    counts = pl.DataFrame({"minute": minutes * MINUTE, "rows": many})
    names = [pl.lit(x).alias(n) for n, x in (("feed", "web_logs"), ("dimension", "all"))]
    return first, end, whole(counts.with_columns(*names, key=pl.lit("")).filter(pl.col("rows") > 0))


def alerts(given: AnyRule, end: int, stats: pl.DataFrame) -> list[dict[str, Any]]:
    run = DetectRun([given])
    run.finalise(stats, end - 60)
    run.take()
    return run.latest()


def silent() -> AnyRule:
    return load_rule((RULES / "web_logs_silent.yaml").read_text(), "web_logs_silent.yaml")


@given(st.integers(0, 1000), st.sampled_from([BACK, AHEAD]), st.floats(2, 4))
@example(3, BACK, 4.0)
@settings(max_examples=2, deadline=None, derandomize=True)
def test_a_rhythm_of_local_time_is_no_silence_when_clocks_change(
    seed: int, change: datetime, steep: float
) -> None:
    _, end, stats = mornings(seed, change, steep)
    assert alerts(in_zone(silent(), DENVER), end, stats) == []


def test_hours_of_another_zone_would_call_the_later_morning_a_silence() -> None:
    _, end, stats = mornings(3, BACK, 4.0)
    found = alerts(in_zone(silent(), "UTC"), end, stats)
    assert found
    assert min(one["window_start"] for one in found) >= minute_of(BACK) * MINUTE


def test_an_odd_hour_is_odd_by_the_clock() -> None:
    """Work from nine to five, by clocks that went back an hour, is at no odd hour."""
    first = minute_of(BACK - timedelta(days=6))
    at = [
        minute_of(BACK + timedelta(days=day, hours=hour))
        for day in range(-6, 3)
        for hour in range(9, 17)
    ]
    odd = minute_of(BACK + timedelta(days=3, hours=3))
    stats = whole(
        pl.DataFrame(
            {
                "feed": "web_logs",
                "minute": [x * MINUTE for x in [first, *at, odd]],
                "dimension": "thing",
                "key": "admin",
                "rows": 1,
            }
        )
    )
    short = {"learning_min": DAY, "known_min": DAY, "max_probability": 0.2}
    given = rule("first_seen", novelty="hour", parameters=short)
    found = alerts(in_zone(given, DENVER), odd + 2 * DAY, stats)
    assert [one["window_start"] // MINUTE for one in found] == [odd]


def test_rules_take_the_zone_of_the_installation_unless_they_name_one(tmp_path: Path) -> None:
    text = (RULES / "web_logs_silent.yaml").read_text()
    (tmp_path / "web_logs_silent.yaml").write_text(text)
    own = text.replace("web_logs_silent", "own_zone") + "time_zone: Asia/Kolkata\n"
    (tmp_path / "own_zone.yaml").write_text(own)
    for rules in (read_rules(tmp_path, DENVER), RuleWatch(tmp_path, time_zone=DENVER).rules):
        watching = [one for one in rules if isinstance(one, WatchRule)]
        assert {one.id: one.zone for one in watching} == {
            "own_zone": "Asia/Kolkata",
            "web_logs_silent": DENVER,
        }
    changed = changed_rule(rules[1], {"window_min": "50"})
    assert isinstance(changed, WatchRule)
    assert changed.zone == DENVER


@pytest.mark.parametrize("season", ["hour_of_week", "none"])
def test_hours_learned_by_other_clocks_are_forgotten(season: str) -> None:
    """A level without a season knows no hours, so it goes on."""
    given = rule("count_burst", parameters={"season": season})
    start = minute_of(BACK)
    run = DetectRun([given])
    rows = {"minute": (start + np.arange(120)) * MINUTE, "feed": "web_logs", "rows": 5}
    run.finalise(whole(pl.DataFrame(rows | {"dimension": "thing", "key": "a"})), start + 180)
    run.take()
    known = run.states["count_burst", "a"]["state"]
    assert known
    run.reload([in_zone(given, DENVER)])
    run.take()
    assert run.states["count_burst", "a"]["state"] == ("" if season == "hour_of_week" else known)
