"""Quiet hours hold back what lies wholly in them: local time, over midnight and clock changes."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.rules.quiet_hours import QuietHours
from pipeline.domain.event_time import MICROS, MINUTE

ZURICH = ZoneInfo("Europe/Zurich")


def hours(*times: dict[str, Any], zone: str = "Europe/Zurich") -> QuietHours:
    return QuietHours.model_validate({"zone": zone, "times": times})


def at(text: str, zone: ZoneInfo = ZURICH) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * MICROS


NIGHT = hours({"start": "22:00", "end": "06:00", "days": ["fri"]})


@pytest.mark.parametrize(
    ("start", "end", "held"),
    [
        ("2026-11-20T22:00", "2026-11-21T06:00", True),  # a Friday night, to the minute
        ("2026-11-21T02:00", "2026-11-21T02:05", True),  # Saturday, but of Friday's night
        ("2026-11-20T21:59", "2026-11-20T22:30", False),
        ("2026-11-21T05:59", "2026-11-21T06:01", False),  # goes on beyond
        ("2026-11-20T02:00", "2026-11-20T02:05", False),  # Thursday's night
        ("2026-11-21T22:00", "2026-11-21T22:05", False),
    ],
)
def test_a_window_is_held_if_it_lies_wholly_in_a_quiet_time(
    start: str,
    end: str,
    held: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    assert NIGHT.hold(at(start), at(end)) is held


def test_hours_are_local_also_after_the_clock_changed() -> None:
    daily = hours({"start": "02:00", "end": "04:00"})
    for day in ("2026-07-01", "2026-12-01"):
        assert daily.hold(at(f"{day}T02:00"), at(f"{day}T04:00"))
        assert not daily.hold(at(f"{day}T04:00"), at(f"{day}T04:01"))


@given(st.integers(0, 7 * 1440 - 1), st.integers(1, 300))
def test_a_window_that_is_held_holds_every_part_of_it(start_min: int, length: int) -> None:
    start = at("2026-11-16T00:00") + start_min * MINUTE
    end = start + length * MINUTE
    if NIGHT.hold(start, end):
        middle = start + length // 2 * MINUTE
        assert NIGHT.hold(start, middle)
        assert NIGHT.hold(middle, end)
