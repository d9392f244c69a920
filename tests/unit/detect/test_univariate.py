"""Laws of the general detector for one series."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.univariate import HIGHEST_SCORE, REST_S, UnivariateDetector

STEP_S = 300
DAY = 288


def daily(days: int, seed: int) -> list[float]:
    phase = 2 * np.pi * np.arange(days * DAY) / DAY
    noise = np.random.default_rng(seed).normal(0, 5, len(phase))
    return (100 - 60 * np.cos(phase) + noise).tolist()


def alarms(values: list[float]) -> list[int]:
    detector = UnivariateDetector()
    return [row for row, value in enumerate(values) if detector.observe(row * STEP_S, value).alarm]


@given(st.lists(st.floats(-1e12, 1e12), min_size=2, max_size=300), st.data())
def test_a_restored_detector_judges_as_one_that_was_never_stopped(
    values: list[float], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(values)))
    whole, first = UnivariateDetector(), UnivariateDetector()
    wanted = [whole.observe(row * STEP_S, value) for row, value in enumerate(values)]
    found = [first.observe(row * STEP_S, value) for row, value in enumerate(values[:cut])]
    second = UnivariateDetector.restored(first.snapshot())
    rest = enumerate(values[cut:], cut)
    found += [second.observe(row * STEP_S, value) for row, value in rest]
    assert found == wanted
    assert all(0.0 <= each.score <= HIGHEST_SCORE for each in found)


@pytest.mark.parametrize("value", [0.0, 5.0, -3e9])
def test_what_never_changes_is_never_strange(value: float) -> None:
    assert alarms([value] * 2_000) == []


def test_numbers_that_are_none_are_passed_over() -> None:
    detector = UnivariateDetector()
    before = detector.snapshot()
    for value in (math.nan, math.inf, -math.inf):
        assert not detector.observe(0, value).alarm
    assert detector.snapshot() == before


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("kind", "rows"), [("spike", 1), ("dip", 12), ("stuck", 120)])
def test_a_planted_spike_a_dip_and_a_stuck_sensor_are_found(
    kind: str, rows: int, seed: int
) -> None:
    values, begin = daily(14, seed), 12 * DAY + 60
    usual = values[begin]
    changed = {"spike": usual + 250, "dip": -20.0, "stuck": usual}
    values[begin : begin + rows] = [changed[kind]] * rows
    found = alarms(values)
    assert any(begin <= row < begin + rows for row in found), found


def test_after_an_alarm_it_rests() -> None:
    values = daily(10, 1)
    for row in range(8 * DAY, 8 * DAY + 60, 6):
        values[row] += 400
    found = [row for row in alarms(values) if row >= 8 * DAY]
    assert found[0] == 8 * DAY
    assert all(row - 8 * DAY >= REST_S // STEP_S for row in found[1:])


def test_a_larger_or_shifted_scale_changes_no_judgement() -> None:
    values = daily(9, 3)
    values[8 * DAY] += 300
    scaled = [1_000 * value for value in values]
    assert alarms(scaled) == alarms(values)


def test_its_state_is_bounded() -> None:
    detector = UnivariateDetector()
    for row in range(5_000):
        detector.observe(row * STEP_S, float(row % 17))
    assert detector.state_bytes < 64 << 10
