"""Local days are days of their zone, also when clocks change."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.event_time import HOUR, MICROS
from pipeline.simulator.dice import Dice
from pipeline.simulator.rhythm import LocalDay
from pipeline.simulator.times import iso_ms, iso_s, local_date, local_hour

DENVER = ZoneInfo("America/Denver")


@given(st.dates(date(2001, 1, 1), date(2060, 1, 1)), st.integers(0, 23))
def test_a_local_hour_is_on_its_day(day: date, hour: int) -> None:
    at = LocalDay(day, DENVER).at(hour)
    assert local_date(at, DENVER) == day
    assert local_hour(at, DENVER) - hour in (0, 1)


def test_the_night_of_summer_time_is_an_hour_short() -> None:
    day = LocalDay(date(2026, 3, 8), DENVER)
    assert day.at(4) - day.at(0) == 3 * HOUR


@given(st.integers(0, 4_000_000_000_000))
def test_instants_are_written_as_canvas_writes_them(time_ms: int) -> None:
    text = iso_ms(time_ms * 1_000)
    assert len(text) == 24
    assert datetime.fromisoformat(text) == datetime.fromtimestamp(time_ms // 1_000, tz=UTC).replace(
        microsecond=time_ms % 1_000 * 1_000
    )
    assert iso_s(time_ms * 1_000) == text[:19] + "Z"


@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(0, 60))
def test_a_sample_has_different_members(seed: int, population: int, size: int) -> None:
    drawn = Dice(seed).sample(range(population), size)
    assert len(set(drawn)) == len(drawn) == min(size, population)


@given(st.integers(0, 2**32), st.floats(1, 100))
def test_counts_and_gaps_are_never_negative(seed: int, mean: float) -> None:
    dice = Dice(seed, MICROS)
    assert dice.geometric(mean) >= 1
    assert dice.poisson(mean) >= 0
    assert dice.exponential(mean) >= 0
