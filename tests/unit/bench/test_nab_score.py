"""The benchmark's score as its paper defines it, and folders in its layout."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.series.nab_score import FAR, PROFILES, Labelled, Window, raw_score, score, sigmoid
from bench.series.reading import read_folder
from bench.series.synthetic import KINDS, ROWS, write

STANDARD = PROFILES["standard"]
SERIES = Labelled(1_000, [Window(400, 499), Window(700, 799)])
PERFECT = [400, 700]


def test_the_figures_of_the_paper() -> None:
    """A relative position of -1, -0.5, 0 and 1 is worth 0.98661, 0.84828, 0 and -0.98661."""
    assert sigmoid(-1.0) == pytest.approx(0.98661, abs=1e-5)
    assert sigmoid(-0.5) == pytest.approx(0.84828, abs=1e-5)
    assert sigmoid(0.0) == 0.0
    assert sigmoid(1.0) == pytest.approx(-0.98661, abs=1e-5)
    assert sigmoid(FAR) == -1.0


def test_no_alarm_scores_nothing_and_the_first_row_of_every_window_all() -> None:
    for profile in PROFILES.values():
        assert score([(SERIES, [])], profile) == 0.0
        assert score([(SERIES, PERFECT)], profile) == pytest.approx(100.0, abs=0.2)


def test_only_the_earliest_alarm_of_a_window_counts() -> None:
    late = raw_score(SERIES, [450, 480], STANDARD)
    assert raw_score(SERIES, [450], STANDARD) == late
    assert raw_score(SERIES, [410, 450], STANDARD) > late


def test_a_false_alarm_costs_its_weight_and_less_just_behind_a_window() -> None:
    for profile in PROFILES.values():
        perfect = raw_score(SERIES, PERFECT, profile)
        far = raw_score(SERIES, [300, *PERFECT], profile)
        near = raw_score(SERIES, [400, 502, 700], profile)
        assert perfect - far == pytest.approx(profile.false_alarm)
        assert far < near < perfect


def test_a_missed_window_costs_more_where_misses_weigh_more() -> None:
    assert raw_score(SERIES, [400], PROFILES["low_fn"]) == pytest.approx(1.0 - 2.0, abs=0.01)
    assert raw_score(SERIES, [400], STANDARD) == pytest.approx(0.0, abs=0.01)


def test_the_first_part_of_a_series_is_not_scored() -> None:
    assert raw_score(SERIES, [0, 149], STANDARD) == raw_score(SERIES, [], STANDARD)
    long = Labelled(100_000, SERIES.windows)
    assert raw_score(long, [751], STANDARD) > raw_score(long, [740], STANDARD) == -1.0


@given(st.sets(st.integers(0, 999)))
def test_no_alarms_score_above_a_perfect_detector(alarms: set[int]) -> None:
    for profile in PROFILES.values():
        assert score([(SERIES, sorted(alarms))], profile) <= 100.0 + 1e-9


def test_without_a_window_nothing_can_be_scored() -> None:
    with pytest.raises(ValueError, match="nothing can be scored"):
        score([(Labelled(10, []), [])], STANDARD)


def test_a_folder_is_read_as_it_was_written(tmp_path: Path) -> None:
    write(tmp_path, 5, ["spike"], each=1)
    found = list(read_folder(tmp_path))
    assert len(found) == 4
    for series in found:
        assert len(series.times) == len(series.values) == series.labelled.rows == ROWS
        assert math.isfinite(series.values.sum())
        assert len(series.labelled.windows) == 2
        first, last = series.labelled.windows[0]
        assert series.times[last] - series.times[first] == 220 * 300
    assert set(KINDS) == {"spike", "dip", "level shift", "slow creep", "noise burst", "stuck"}


def test_a_folder_without_labels_or_without_their_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="has no labels"):
        list(read_folder(tmp_path))
    (tmp_path / "labels.json").write_text(json.dumps({"a.csv": []}))
    with pytest.raises(ValueError, match="none of the 1 labelled files"):
        list(read_folder(tmp_path))
