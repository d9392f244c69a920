"""The page for newcomers keeps its word: its rule is right, its commands exist."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.app.rule_checks import untested, wrong_with
from pipeline.app.rule_files import read_files
from pipeline.cli import app
from pipeline.engine.rule_examples import try_examples
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


def test_the_page_has_commands() -> None:
    assert len(COMMANDS) >= 12
