"""What is wrong with rules that can be read: references, and filters that never matter."""

import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.app.rule_checks import covers, meet, untested, wrong_with
from pipeline.app.rule_files import RuleFile, read_files, read_rules
from pipeline.detect.rules import RuleMistakes
from pipeline.domain.errors import SettingsError
from tests.support.detect_run import RULES

CONTROLLER = "error_spike_5xx_controller"


def files(directory: Path, name: str, **changes: Any) -> list[RuleFile]:
    document = yaml.safe_load((RULES / f"{name}.yaml").read_text()) | changes
    path = directory / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    found, mistakes = read_files([path])
    assert mistakes == []
    return found


def test_shipped_rules_are_right() -> None:
    found, mistakes = read_files(sorted(RULES.glob("*.yaml")))
    assert mistakes == []
    assert wrong_with(found, complete=True) == []


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"only": ["courses"]}, "'courses' matches no key: keys of controller_action are of"),
        ({"except": ["courses"]}, "'courses' matches no key"),
        ({"only": ["courses#show"], "except": ["courses#*"]}, "is left out again by except"),
        ({"only": ["a#*"], "except": ["a#*s", "b#*"]}, "'b#*' leaves out nothing that only"),
    ],
)
def test_a_filter_that_never_matters_is_named(
    tmp_path: Path, filters: dict[str, list[str]], said: str
) -> None:
    [found] = wrong_with(files(tmp_path, CONTROLLER, filters=filters), complete=False)
    line = (tmp_path / f"{CONTROLLER}.yaml").read_text().splitlines()[found.line - 1]
    assert said in found.text
    assert line.strip().rstrip(":") in {"only", "except"}


def test_filters_that_matter_are_right(tmp_path: Path) -> None:
    filters = {"only": ["courses#*", "*#index"], "except": ["*#destroy", "co?rses#a*"]}
    assert wrong_with(files(tmp_path, CONTROLLER, filters=filters), complete=False) == []


def test_the_whole_instance_has_no_key_to_filter(tmp_path: Path) -> None:
    found = files(tmp_path, "error_spike_5xx_instance", filters={"only": ["a"]})
    assert "has one key" in wrong_with(found, complete=False)[0].text


def test_a_severity_that_cannot_rise_is_named(tmp_path: Path) -> None:
    name = "error_spike_5xx_instance"
    for to in ("warning", "critical"):
        rules = files(tmp_path, name, escalation={"to": to, "after_min": 60})
        [found] = wrong_with(rules, complete=False)
        assert f"{to} is not above the rule's severity critical" in found.text
    mild = files(tmp_path, name, severity="info", escalation={"to": "warning", "times": 3})
    assert wrong_with(mild, complete=False) == []


def test_places_of_a_dimension_that_is_not_there_are_named(tmp_path: Path) -> None:
    name = "takeover_from_new_network"
    [found] = wrong_with(files(tmp_path, name, new_in={"dimension": "moon"}), complete=False)
    assert "there is no dimension moon" in found.text
    assert "new_in" in (tmp_path / f"{name}.yaml").read_text().splitlines()[found.line - 1]


def test_a_rule_is_named_as_its_file(tmp_path: Path) -> None:
    [found] = wrong_with(files(tmp_path, CONTROLLER, id="other"), complete=False)
    assert (found.line, found.text) == (1, f"id other is not the file's name {CONTROLLER}")


def test_rules_that_refer_to_nothing_are_named_where_all_are_known(tmp_path: Path) -> None:
    found = files(tmp_path, CONTROLLER)
    assert wrong_with(found, complete=False) == []
    [wrong] = wrong_with(found, complete=True)
    assert "part_of must name" in wrong.text


def test_rules_without_both_kinds_of_examples_are_told(tmp_path: Path) -> None:
    example = {"name": "x", "minutes": [{"for_min": 1}]}
    both = {"fires": [example], "quiet": [example]}
    assert untested(files(tmp_path, CONTROLLER, examples=both)) == []
    assert untested(files(tmp_path, CONTROLLER, examples={"fires": [example]})) == [CONTROLLER]


def test_a_directory_is_refused_whole_with_the_mistakes_of_all_files(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there are no rules in"):
        read_rules(tmp_path)
    (tmp_path / "one.yaml").write_text("- 1")
    (tmp_path / "two.yaml").write_bytes(b"id: \xff")
    with pytest.raises(RuleMistakes) as wrong:
        read_rules(tmp_path)
    assert list(map(str, wrong.value.mistakes)) == [
        "one.yaml:1: a rule is a mapping of keys to values",
        "two.yaml:1: not UTF-8 at byte 4",
    ]


patterns = st.text("ab*?", max_size=5)
texts = st.text("ab", max_size=5)


@given(patterns, patterns, texts)
def test_a_covering_pattern_matches_whatever_the_covered_one_matches(
    wide: str, narrow: str, text: str
) -> None:
    if covers(wide, narrow) and fnmatch.fnmatchcase(text, narrow):
        assert fnmatch.fnmatchcase(text, wide)
    if fnmatch.fnmatchcase(text, wide) and fnmatch.fnmatchcase(text, narrow):
        assert meet(wide, narrow)


@given(texts, patterns)
def test_a_text_is_covered_and_met_by_what_matches_it(text: str, pattern: str) -> None:
    matched = fnmatch.fnmatchcase(text, pattern)
    assert covers(pattern, text) == matched
    assert meet(pattern, text) == matched
