"""Rule files: what is shipped is valid, and what is wrong is said in one sentence."""

from pathlib import Path

import pytest
import yaml

from pipeline.detect.rules import ErrorSpikeRule, check_references, load_rule
from pipeline.domain.errors import SettingsError
from tests.support.detect_run import RULES, shipped_rules

TEXT = (RULES / "error_spike_5xx_instance.yaml").read_text()


@pytest.mark.parametrize("path", sorted(RULES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_rule_is_named_as_its_file(path: Path) -> None:
    assert load_rule(path.read_text(), path.name).id == path.stem


def test_shipped_rules_refer_to_each_other() -> None:
    rules = shipped_rules()
    check_references(rules)
    assert {r.part_of for r in rules if isinstance(r, ErrorSpikeRule) and r.part_of} == {
        "error_spike_5xx_instance",
        "error_spike_4xx_instance",
    }


def test_an_unknown_parameter_is_refused_with_the_known_ones() -> None:
    text = TEXT.replace("min_errors", "min_erors")
    with pytest.raises(
        SettingsError,
        match=r"x\.yaml:18: unknown key parameters\.min_erors \(did you mean min_errors",
    ):
        load_rule(text, "x.yaml")


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(SettingsError, match="unknown key colour"):
        load_rule(TEXT + "colour: red\n", "x.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a list", "mapping"),
        ("detector: nothing", "detector must be one of: error_spike, masquerade_burst"),
        ("a: [1", "not YAML"),
        (TEXT.replace("severity: critical", "severity: loud"), "severity"),
        (TEXT.replace("[1, 3, 5]", "[5, 3]"), "growing"),
        (TEXT.replace("id: error_spike_5xx_instance", "id: Wrong Id"), "id:"),
    ],
)
def test_what_is_wrong_is_named(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_rule(text, "x.yaml")


def _part(**changes: str) -> str:
    document = yaml.safe_load((RULES / "error_spike_5xx_controller.yaml").read_text())
    return yaml.safe_dump(document | changes)


def test_a_part_without_its_whole_is_refused() -> None:
    rule = load_rule(_part(part_of="nothing"), "x.yaml")
    with pytest.raises(SettingsError, match="part_of must name"):
        check_references([rule])


def test_a_whole_has_one_rule_on_its_parts() -> None:
    rules = [load_rule(t, "x") for t in (TEXT, _part(), _part(id="another_part"))]
    with pytest.raises(SettingsError, match="both part of"):
        check_references(rules)


def test_ids_are_unique() -> None:
    rules = [load_rule(TEXT, "x"), load_rule(TEXT, "y")]
    with pytest.raises(SettingsError, match="twice"):
        check_references(rules)
