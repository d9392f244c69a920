"""Whole days: every attack is found once, and nothing else is reported."""

from pathlib import Path

import pytest

from pipeline.domain.event_time import MINUTE
from pipeline.simulator.config import SimulationConfig
from tests.support.detect_run import DetectRun, final_run
from tests.support.minute_stats import Attack, frame, simulate_day
from tests.support.simulated import Simulated
from tests.support.simulated_stats import simulated_stats

SLACK = 15


def missed_and_false(run: DetectRun, attacks: list[Attack]) -> tuple[list[Attack], list[str]]:
    """Match alerts with attacks one to one; return what is left of both."""
    missed = list(attacks)
    false = []
    for record in run.latest():
        start, end = record["window_start"] // MINUTE, record["window_end"] // MINUTE
        met = [
            attack
            for attack in missed
            if (attack.dimension, attack.key) == (record["dimension"], record["key"])
            and attack.start - SLACK <= end
            and start <= attack.end + SLACK
        ]
        if met:
            missed.remove(met[0])
        else:
            false.append(f"{record['rule']} {record['key']} {start}..{end}")
    return missed, false


@pytest.mark.parametrize("seed", range(20))
def test_a_day_with_attacks_reports_each_once_and_nothing_else(seed: int) -> None:
    day = simulate_day(seed, attacks=True, per_day=[300_000, 60_000][seed % 2])
    assert len(day.attacks) == 4
    assert missed_and_false(final_run(day.stats()), day.attacks) == ([], [])


@pytest.mark.parametrize("seed", [1001, 1002])
def test_days_without_attacks_report_nothing(seed: int) -> None:
    day = simulate_day(seed, attacks=False, days=3)
    assert final_run(day.stats()).latest() == []


@pytest.mark.parametrize("seed", [1, 2])
def test_a_simulated_university_reports_what_its_labels_say(tmp_path: Path, seed: int) -> None:
    config = SimulationConfig(users=300, seed=seed)
    simulated = Simulated.run(tmp_path / "out", config)
    run = final_run(frame(simulated_stats(simulated)))
    attacks = [
        Attack(
            label["name"],
            label["keys"][0]["dimension"],
            label["keys"][0]["key"],
            label["start_us"] // MINUTE,
            label["end_us"] // MINUTE,
        )
        for label in simulated.labels["attacks"]
    ]
    assert len(attacks) == 4
    assert missed_and_false(run, attacks) == ([], [])
