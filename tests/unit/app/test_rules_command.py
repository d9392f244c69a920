"""``rules check`` and ``rules test`` as a person meets them; an exit code tells machines."""

import json
from pathlib import Path

import pytest
import yaml

from pipeline.app.commands import rules as command
from pipeline.app.commands.rules_backtest import changes
from pipeline.app.settings import Settings
from pipeline.domain.errors import OurMistake, SettingsError
from tests.support.detect_run import RULES

NAME = "masquerade_burst"
ACTING = {"key": "901", "rows": 6, "masqueraded": 6, "members": 2}
FIRES = {"name": "twenty in ten minutes", "minutes": [ACTING | {"for_min": 10}]}
QUIET = {"name": "two in a minute", "minutes": [ACTING | {"for_min": 1}]}


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    """A rule of its own, with an example of each kind."""
    document = yaml.safe_load((RULES / f"{NAME}.yaml").read_text())
    examples = {"fires": [FIRES], "quiet": [QUIET]}
    path = tmp_path / f"{NAME}.yaml"
    path.write_text(yaml.safe_dump(document | {"examples": examples}))
    return path


def swap(path: Path) -> None:
    """Say of each example the opposite."""
    document = yaml.safe_load(path.read_text())
    document["examples"] = {"fires": [QUIET], "quiet": [FIRES]}
    path.write_text(yaml.safe_dump(document))


def test_right_rules_are_counted(rule: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command.check([rule])
    assert capsys.readouterr().out == "1 rules are right.\n"


def test_rules_are_copied_to_a_directory_of_ones_own_and_nothing_there_is_lost(
    rule: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "etc" / "rules"
    command.copy(own, Settings(rules_dir=rule.parent))
    assert (own / rule.name).read_text() == rule.read_text()
    assert f"CANVAS_TELEMETRY_RULES_DIR={own}" in capsys.readouterr().out.replace("\n", "")
    (own / rule.name).write_text("mine")
    with pytest.raises(SettingsError, match=f"has {rule.name} already"):
        command.copy(own, Settings(rules_dir=rule.parent))
    assert (own / rule.name).read_text() == "mine"


def test_rules_of_the_directory_are_checked_if_none_are_named(
    rule: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command.check([], Settings(rules_dir=rule.parent))
    assert "1 rules are right." in capsys.readouterr().out
    with pytest.raises(SettingsError, match="there are no rules in"):
        command.check([], Settings(rules_dir=rule.parent / "none"))


def test_all_mistakes_of_all_files_are_printed_by_line(
    rule: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (rule.parent / "other.yaml").write_text("a: 1\na: 2")
    text = rule.read_text()
    rule.write_text(text + "colour: red\nfilters: {only: ['9*'], except: ['*']}\n")
    with pytest.raises(SystemExit) as ended:
        command.check(sorted(rule.parent.glob("*.yaml")))
    lines = capsys.readouterr().out.splitlines()
    assert ended.value.code == 1
    assert lines[0].startswith(f"{NAME}.yaml:{len(text.splitlines()) + 1}: unknown key colour")
    assert lines[1] == "other.yaml:2: key a is given twice, first in line 1"
    rule.write_text(rule.read_text().replace("colour: red\n", ""))
    with pytest.raises(SystemExit):
        command.check([rule])
    [line] = capsys.readouterr().out.splitlines()
    assert line == f"{NAME}.yaml:{len(text.splitlines()) + 1}: '9*' is left out again by except"


def test_a_rule_without_examples_is_told(capsys: pytest.CaptureFixture[str], rule: Path) -> None:
    document = yaml.safe_load(rule.read_text())
    del document["examples"]
    rule.write_text(yaml.safe_dump(document))
    command.check([rule])
    assert f"note: {NAME} lacks an example" in capsys.readouterr().out


def test_examples_that_are_as_they_should_be_end_well(
    rule: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command.run_examples([rule], [NAME])
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"ok   {NAME}: fires: {FIRES['name']} (")
    assert "-> 901: 20, usual" in first
    assert second.startswith(f"ok   {NAME}: quiet: {QUIET['name']} (")
    assert last == "2 examples, 0 not as they should be."


def test_examples_that_are_not_end_with_1(rule: Path, capsys: pytest.CaptureFixture[str]) -> None:
    swap(rule)
    with pytest.raises(SystemExit) as ended:
        command.run_examples([rule], [])
    first, second, last = capsys.readouterr().out.splitlines()
    assert ended.value.code == 1
    assert (first[:5], second[:5]) == ("WRONG", "WRONG")
    assert first.endswith("-> quiet")
    assert last == "2 examples, 2 not as they should be."


def test_a_rule_that_is_not_there_is_named(rule: Path) -> None:
    with pytest.raises(SettingsError, match=f"there is no rule other; there are {NAME}"):
        command.run_examples([rule], ["other"])


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    command.schema()
    assert "$schema" in json.loads(capsys.readouterr().out)


def test_changes_are_names_and_values() -> None:
    assert changes(["a=1", "b=x=y"]) == {"a": "1", "b": "x=y"}
    for wrong in ("a", "=1"):
        with pytest.raises(OurMistake, match="parameter=value"):
            changes([wrong])
