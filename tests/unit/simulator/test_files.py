"""Same arguments, same bytes; and what is beside the data is true."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.domain.errors import SettingsError
from pipeline.domain.event_time import HOUR
from pipeline.simulator.attacks import ATTACK_NAMES, parse_attacks
from pipeline.simulator.config import SimulationConfig
from pipeline.simulator.files import simulate
from tests.support.simulated import Simulated

TINY = SimulationConfig(users=25, hours=6, seed=3)


def contents(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def test_the_same_configuration_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        simulate(TINY, tmp_path / name, lambda _: None)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_another_seed_gives_other_rows(tmp_path: Path) -> None:
    one = Simulated.run(tmp_path / "a", TINY)
    other = Simulated.run(tmp_path / "b", replace(TINY, seed=4))
    assert not {row["id"] for row in one.rows()} & {row["id"] for row in other.rows()}


def test_compressed_files_are_reproducible_and_hold_the_plain_lines(tmp_path: Path) -> None:
    plain = Simulated.run(tmp_path / "plain", TINY)
    packed = Simulated.run(tmp_path / "packed", replace(TINY, gzip=True))
    simulate(replace(TINY, gzip=True), tmp_path / "again", lambda _: None)
    for feed in ("web_logs", "live_events"):
        assert [line for *_, line in plain.lines(feed)] == [line for *_, line in packed.lines(feed)]
    assert contents(tmp_path / "packed") == contents(tmp_path / "again")


def test_an_earlier_simulation_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    simulate(replace(TINY, hours=20), tmp_path, lambda _: None)
    (tmp_path / "web_logs" / "notes.txt").write_text("mine")
    summary = simulate(TINY, tmp_path, lambda _: None)
    assert set(contents(tmp_path)) == {*summary.files, "labels.json", "web_logs/notes.txt"}


def test_progress_counts_the_hours(tmp_path: Path) -> None:
    seen: list[int] = []
    simulate(TINY, tmp_path, seen.append)
    assert seen == [1, 2, 3, 4, 5, 6]


def test_labels_tell_the_totals(attacked: Simulated) -> None:
    totals = attacked.labels["totals"]
    web_logs, live_events = totals["web_logs"], totals["live_events"]
    assert web_logs["lines"] == sum(1 for _ in attacked.lines("web_logs"))
    assert live_events["lines"] == sum(1 for _ in attacked.lines("live_events"))
    rows = attacked.rows()
    assert web_logs["rows"] == len(rows)
    assert live_events["events"] == len(attacked.events())
    actions = [line["meta"]["action"] for _, line in attacked.good("web_logs")]
    assert web_logs["deletions"] == actions.count("D") > 0
    assert web_logs["corrections"] == actions.count("U") - len(rows) > 0
    pages = [page for _, page in attacked.good("course_audit")]
    assert totals["course_audit"]["events"] == sum(len(page["events"]) for page in pages) > 0
    assert totals["sessions"] == len({row["session_id"] for row in rows if "session_id" in row})
    assert totals["masqueraded_rows"] == sum("real_user_id" in row for row in rows)
    assert totals["server_errors"] == sum(500 <= row["http_status"] < 600 for row in rows)


@pytest.mark.parametrize(
    "change",
    [
        {"users": 5},
        {"hours": 0},
        {"seed": -1},
        {"bad_lines": -1},
        {"requests_per_user_day": 0.0},
        {"start_us": 1_770_076_800_000_001},
        {"time_zone": "Mars/Olympus"},
    ],
)
def test_a_senseless_configuration_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(SettingsError):
        replace(TINY, **change)


def test_attacks_are_chosen_by_name() -> None:
    assert parse_attacks("all") == ATTACK_NAMES
    assert parse_attacks("none") == ()
    assert parse_attacks("masquerade-burst, error-spike") == ("masquerade-burst", "error-spike")
    with pytest.raises(SettingsError, match="no attack named 'earthquake'"):
        parse_attacks("earthquake")


def test_an_unknown_attack_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        simulate(replace(TINY, attacks=("earthquake",)), tmp_path / "out", lambda _: None)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("hours", [1, 3, 30])
def test_any_length_and_any_start_stay_within_the_stretch(hours: int, tmp_path: Path) -> None:
    start = TINY.start_us + 9 * HOUR + 17 * 1_000
    config = replace(TINY, hours=hours, start_us=start, time_zone="America/Denver")
    done = Simulated.run(tmp_path, config)
    assert done.summary.web_log_rows == len(done.rows())
    assert all(label.end_us <= config.end_us for label in done.summary.attacks)
