"""What is wrong with a rule file is said with its line, all at once."""

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
import yaml

from pipeline.detect.rules import Mistake, RuleMistakes, changed_rule, load_rule, rule_schema
from pipeline.detect.rules.marked_yaml import MarkedYaml
from tests.support.detect_run import RULES

TEXT = (RULES / "masquerade_burst.yaml").read_text().partition("examples:")[0]
LINES = len(TEXT.splitlines())
QUIET = "examples:\n  quiet:\n  - name: x\n    minutes:\n    - "


def mistakes(text: str) -> list[Mistake]:
    with pytest.raises(RuleMistakes) as wrong:
        load_rule(text, "x.yaml")
    return wrong.value.mistakes


@pytest.mark.parametrize(
    ("added", "line", "said"),
    [
        ("colour: red", 1, "unknown key colour"),
        ("id: again", 1, "key id is given twice, first in line 1"),
        ("filters: {only: [a], excpt: [b]}", 1, "unknown key filters.excpt (did you mean except?)"),
        ("filters:\n  only: [a]\n  except: [a]", 1, "so nothing is left"),
        ("suppression:\n  for_min: 0", 2, "suppression.for_min: Input should be greater than 0"),
        ("suppression: {for_min: 5, per: day}", 1, "suppression.per: Input should be 'key'"),
        ("quiet_hours:\n  zone: Mars\n  times: []", 2, "there is no time zone 'Mars'"),
        (
            "quiet_hours:\n  times:\n  - start: '25:00'\n    end: '03:00'",
            3,
            "quiet_hours.times.0.start: String should match",
        ),
        ("escalation:\n  to: critical", 1, "escalation needs after_min or times"),
        ("owner: ''", 1, "owner: String should have at least 1 character"),
        (
            "examples:\n  fires:\n  - name: x\n    minutes:\n    - for_min: 3\n      rws: 3",
            6,
            "unknown key examples.fires.0.minutes.0.rws (did you mean rows?)",
        ),
        (
            f"{QUIET}{{for_min: 3, rows: 1, writes: 2}}",
            5,
            "more errors, writes or masqueraded rows than rows",
        ),
        (
            f"{QUIET}{{for_min: 3, status_5xx: 2}}",
            5,
            "more rows by status than rows",
        ),
        (
            f"{QUIET}{{for_min: 300, keys: 1000, rows: 1}}",
            3,
            "300000 minutes by key; at most 200000",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(added: str, line: int, said: str) -> None:
    found = mistakes(f"{TEXT}{added}\n")
    assert any(one.line == LINES + line and said in one.text for one in found), found


def test_a_missing_key_is_named_with_the_line_of_its_part() -> None:
    text = "".join(
        line for line in TEXT.splitlines(keepends=True) if not line.startswith("severity")
    )
    assert mistakes(text) == [Mistake("x.yaml", 1, "severity: Field required")]


def test_all_mistakes_of_a_file_are_given_in_order_of_lines() -> None:
    found = mistakes(TEXT.replace("min_targets", "mni_targets") + "colour: red\n")
    assert [one.line for one in found] == sorted(one.line for one in found)
    assert len(found) == 2
    assert [str(one).split(" ")[0] for one in found] == [f"x.yaml:{one.line}:" for one in found]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: [1", 2, "not YAML"),
        ("a: 1\n\tb: 2", 2, "not YAML: found character"),
        ("a: 1\nb: *nowhere", 2, "not YAML: found undefined alias"),
        ("a: 1\n---\nb: 2", 2, "not YAML: but found another document"),
        ("", 1, "a rule is a mapping"),
        ("detector: nothing", 1, "detector must be one of: error_spike"),
        ("id: abc\nparts: 1", 1, "detector must be one of"),
    ],
)
def test_what_is_no_rule_at_all_is_named_too(text: str, line: int, said: str) -> None:
    [found] = mistakes(text)
    assert (found.line, said in found.text) == (line, True), found


def test_lines_are_those_of_keys_and_items() -> None:
    document = MarkedYaml("a:\n  - x: 1\n    y: 2\n  - z\nb: {c: 3}\n")
    assert document.value == {"a": [{"x": 1, "y": 2}, "z"], "b": {"c": 3}}
    lines = {("a",): 1, ("a", 0): 2, ("a", 0, "y"): 3, ("a", 1): 4, ("b", "c"): 5, ("b", "d"): 5}
    assert {path: document.line(path) for path in lines} == lines


def test_the_version_changes_with_what_is_judged_and_not_with_words() -> None:
    def version(**changes: Any) -> str:
        return load_rule(yaml.safe_dump(yaml.safe_load(TEXT) | changes), "x").version

    same = version()
    assert len(same) == 12
    assert {version(title="Other"), version(why="Else"), version(state="shadow")} == {same}
    assert version(owner="team", examples={"fires": []}) == same
    different = {
        version(parameters={"min_targets": 11}),
        version(severity="info"),
        version(filters={"except": ["1"]}),
        version(suppression={"for_min": 5}),
    }
    assert len(different | {same}) == 5


def test_the_schema_for_editors_accepts_what_is_shipped_and_refuses_unknown_keys() -> None:
    schema = json.loads(json.dumps(rule_schema()))
    checker = jsonschema.Draft202012Validator(schema)
    for path in RULES.glob("*.yaml"):
        # JSON has no dates; YAML reads one where an example says when it begins.
        document = json.loads(json.dumps(yaml.safe_load(path.read_text()), default=_iso))
        if document.get("state") is False:  # an editor reads YAML 1.2, where off is a word
            document["state"] = "off"
        assert list(checker.iter_errors(document)) == [], path.name
    document = yaml.safe_load(TEXT)
    assert not checker.is_valid(document | {"colour": "red"})
    assert not checker.is_valid(document | {"detector": "nothing"})


def _iso(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat() if value.tzinfo else value.replace(tzinfo=UTC).isoformat()


def test_a_rule_with_other_values_is_checked_like_a_file() -> None:
    rule = load_rule(TEXT, "x")
    changed = changed_rule(rule, {"min_targets": "4", "suppression.for_min": "30"})
    assert changed.parameters.model_dump()["min_targets"] == 4
    assert changed.suppression is not None
    assert changed.suppression.for_min == 30
    assert changed_rule(rule, {}) == rule
    for name, value in (("min_targets", "many"), ("min_tragets", "4"), ("filters.only", "a")):
        with pytest.raises(RuleMistakes, match=name.split(".")[0]):
            changed_rule(rule, {name: value})
