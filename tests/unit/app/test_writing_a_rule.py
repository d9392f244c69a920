"""The page for newcomers keeps its word: its rule is right, its commands exist."""

import re
import shlex
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.app.rule_checks import untested, wrong_with
from pipeline.app.rule_files import read_files
from pipeline.cli import app
from pipeline.detect.rules import changed_rule, load_rule
from pipeline.domain.event_time import MICROS
from pipeline.engine.rule_examples import try_examples
from pipeline.simulator.attacks import parse_attacks
from pipeline.simulator.config import DEFAULT_START_US, SimulationConfig
from tests.support.writing_a_rule import PAGE, blocks

WIDE = {"COLUMNS": "200"}
COMMANDS = re.findall(r"^\$ canvas-telemetry ([^#\n]+)", PAGE, re.MULTILINE)


def test_the_rule_of_the_page_is_right_and_its_examples_are_as_they_should_be(
    tmp_path: Path,
) -> None:
    [text] = blocks("yaml")
    [name] = re.findall(r"^id: (\w+)$", text, re.MULTILINE)
    (tmp_path / f"{name}.yaml").write_text(text)
    files, mistakes = read_files([tmp_path / f"{name}.yaml"])
    assert mistakes == []
    assert wrong_with(files, complete=True) == []
    assert untested(files) == []
    tried = list(try_examples(files[0].rule))
    assert [one.right for one in tried] == [True] * 3


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_page_is_one(line: str) -> None:
    words = shlex.split(line)
    path = [word for word in words[:2] if re.fullmatch(r"[a-z][a-z-]*", word)]
    told = CliRunner().invoke(app, [*path, "--help"], env=WIDE)
    if told.exit_code:  # the second word was an argument
        told = CliRunner().invoke(app, [path[0], "--help"], env=WIDE)
    assert told.exit_code == 0, told.output
    options = {word for word in words if word.startswith("--")}
    shown = re.sub(r"\x1b\[[0-9;]*m", "", told.output)
    assert options <= set(re.findall(r"--[a-z-]+", shown))


def values(option: str) -> list[str]:
    """Return what the page's commands give to an option."""
    found = [shlex.split(line, comments=True) for line in COMMANDS]
    return [words[x + 1] for words in found for x, word in enumerate(words) if word == option]


def test_values_of_the_page_are_taken_by_what_reads_them() -> None:
    [text] = blocks("yaml")
    rule = load_rule(text, "page")
    assert [name for text in values("--attacks") for name in parse_attacks(text)]
    assert [name for name in values("--rule") if name != rule.id] == []
    changes = dict(one.split("=") for one in values("--set"))
    assert changed_rule(rule, changes) != rule
    [users] = values("--users")
    attacks = parse_attacks(values("--attacks")[0])
    SimulationConfig(users=int(users), seed=1, attacks=attacks)


def test_the_page_looks_at_the_day_it_has_made_up() -> None:
    made = datetime.fromtimestamp(DEFAULT_START_US / MICROS, UTC).date()
    assert {date.fromisoformat(day) for day in values("--since")} == {made}


def test_the_page_has_commands() -> None:
    assert len(COMMANDS) >= 12
