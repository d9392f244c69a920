"""What shipped rules tell their reader to run can be run."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app

RULES = sorted((Path(__file__).parents[3] / "rules").glob("*.yaml"))
COMMANDS = {
    (path.stem, re.sub(r"\s+", " ", command))
    for path in RULES
    for command in re.findall(r"`canvas-telemetry ([^`]+)`", path.read_text(encoding="utf-8"))
}


@pytest.mark.parametrize(("rule", "command"), sorted(COMMANDS))
def test_every_command_that_a_rule_names_is_one(rule: str, command: str) -> None:
    words = [word for word in command.split() if not word.startswith("--")]
    told = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"})
    assert told.exit_code == 0, (rule, told.output)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", told.output)
    assert set(re.findall(r"--[a-z-]+", command)) <= set(re.findall(r"--[a-z-]+", shown))


def test_who_misses_web_logs_is_told_which_commands_bring_them() -> None:
    told = [command for rule, command in sorted(COMMANDS) if rule == "web_logs_silent"]
    assert [command.split(" --")[0] for command in told] == ["ingest web-logs-files", "recompute"]
