"""An alert tells for how long what is usual for its key had been learned."""

from collections.abc import Callable

import polars as pl
import pytest

from pipeline.detect.rules import AnyRule
from pipeline.domain.event_time import MINUTE
from tests.support.detect_run import DetectRun, shipped_rules
from tests.support.minute_stats import Row, acting, frame, requests
from tests.support.noise import DAY, MONDAY, noise, planted
from tests.support.watch_rules import rule

LAST = 2 * DAY
"""When the anomaly comes; usual things happen from ``MONDAY`` on, some only in the first hour."""

Case = tuple[AnyRule, str, pl.DataFrame]


def shipped(name: str) -> AnyRule:
    return next(one for one in shipped_rules() if one.id == name)


def errors() -> Case:
    usual = [requests(MONDAY + x, "courses#show", 40, int(x % 20 == 0)) for x in range(LAST)]
    spike = [requests(MONDAY + LAST + x, "courses#show", 40, 30) for x in range(5)]
    given = shipped("error_spike_5xx_controller").model_copy(update={"part_of": None})
    return given, "courses#show", frame([*usual, *spike])


def help_desk() -> Case:
    def one(at: int, targets: int) -> Row:
        return acting(MONDAY + at, "7", [f"u{at}-{i}" for i in range(targets)], 0, 2 * targets)

    usual = [one(at, 2) for at in range(0, LAST, 60)]
    burst = [one(LAST + x, 8) for x in range(6)]
    return shipped("masquerade_burst"), "7", frame([*usual, *burst])


def share() -> Case:
    stats = planted(noise(2, [2], 2, rhythm=False), "k0", LAST, 10, rows=60, errors=50)
    return rule("ratio", measure="errors"), "k0", stats


def members() -> Case:
    many = [f"u{i}" for i in range(20)]
    stats = noise(2, [2], 2, rhythm=False, members=3)
    return rule("fan_out"), "k0", planted(stats, "k0", LAST, 5, rows=20, members=many)


def count() -> Case:
    stats = planted(noise(2, [2], 2, rhythm=False), "k0", LAST, 10, rows=60)
    parameters = {"season": "none", "cold_hours": 24}
    return rule("count_burst", parameters=parameters), "k0", stats


@pytest.mark.parametrize("made", [errors, help_desk, share, members, count])
def test_an_alert_tells_how_many_days_its_baseline_had_learned(made: Callable[[], Case]) -> None:
    given, key, stats = made()
    for restarts in (False, True):
        run = DetectRun([given])
        before = pl.col("minute") < (MONDAY + LAST) * MINUTE
        run.finalise(stats.filter(before), MONDAY + LAST)
        run.take()
        if restarts:
            run = run.restarted()
        run.finalise(stats.filter(~before), MONDAY + LAST + DAY)
        run.take()
        [found] = [one for one in run.latest() if one["key"] == key]
        assert found["baseline_days"] == pytest.approx(LAST / DAY, abs=0.02)


def test_a_key_without_a_past_has_no_baseline_to_tell_of() -> None:
    given, key, stats = errors()
    run = DetectRun([given])
    run.finalise(stats.filter(pl.col("minute") >= (MONDAY + LAST) * MINUTE), MONDAY + LAST + DAY)
    run.take()
    [found] = run.latest()
    assert (found["key"], found["baseline_days"]) == (key, None)
