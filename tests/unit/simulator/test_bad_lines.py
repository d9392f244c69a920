"""Bad lines are where the labels say, broken beyond repair, and nowhere else."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from pipeline.simulator.bad_lines import LIVE_EVENT_KINDS, WEB_LOG_KINDS
from pipeline.simulator.config import SimulationConfig
from tests.support.simulated import Simulated, micros

TINY = SimulationConfig(users=20, hours=9, seed=5)


def read(feed: str, line: str) -> None:
    """Read a line as strictly as any reader must; fails on a bad one."""
    record: dict[str, Any] = json.loads(line)
    if feed == "live_events":
        micros(record["metadata"]["event_time"])
        return
    UUID(record["key"]["id"])
    if record["meta"]["action"] == "U":
        micros(record["value"]["timestamp"])
        int(record["value"]["http_status"])


@pytest.mark.parametrize("count", [0, 1, 7, 40])
def test_exactly_the_labelled_lines_cannot_be_read(count: int, tmp_path: Path) -> None:
    done = Simulated.run(tmp_path, replace(TINY, bad_lines=count))
    labelled = {(label.file, label.line) for label in done.summary.bad_lines}
    assert len(labelled) == len(done.summary.bad_lines) == count
    broken = set()
    for feed in ("web_logs", "live_events"):
        for file, number, line in done.lines(feed):
            try:
                read(feed, line)
            except (ValueError, KeyError, TypeError):
                broken.add((file, number))
    assert broken == labelled


def test_many_bad_lines_show_every_kind(tmp_path: Path) -> None:
    done = Simulated.run(tmp_path, replace(TINY, bad_lines=28))
    kinds = {(label.feed, label.kind) for label in done.summary.bad_lines}
    assert {kind for feed, kind in kinds if feed == "web_logs"} == set(WEB_LOG_KINDS)
    assert {kind for feed, kind in kinds if feed == "live_events"} == set(LIVE_EVENT_KINDS)


def test_bad_lines_change_no_other_line(tmp_path: Path) -> None:
    spoilt = Simulated.run(tmp_path / "a", replace(TINY, bad_lines=9))
    clean = Simulated.run(tmp_path / "b", replace(TINY, bad_lines=0))
    for feed in ("web_logs", "live_events"):
        assert list(spoilt.good(feed)) == list(clean.good(feed))
