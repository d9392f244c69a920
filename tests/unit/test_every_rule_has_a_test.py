"""Every rule of docs/semantics.md is stated by a test, by number or in the page's own table."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "semantics.md"
TABLE = "## Where each rule is tested"
NAMED = re.compile(r"(?:^|_)rule_(\d+(?:_and_\d+)*)(?=_|$)")
ROW = re.compile(r"^\| (\d+) \| [^|]+ \| `([^`]+)` \|$")


class Stated(NamedTuple):
    """A rule and the test that is said to state it, ``file::name`` below ``tests``."""

    rule: int
    test: str


def rules(page: str) -> list[int]:
    """The numbers of the rules, in the order of the page."""
    text, _, _ = page.partition(TABLE)
    return [int(number) for number in re.findall(r"^(\d+)\. ", text, re.MULTILINE)]


def table(page: str) -> list[Stated]:
    """What the page says of tests whose names do not tell."""
    _, _, text = page.partition(TABLE)
    rows = [line for line in text.splitlines() if re.match(r"\| *\d", line)]
    matches = [ROW.match(line) for line in rows]
    assert all(matches), [line for line, found in zip(rows, matches, strict=True) if not found]
    return [Stated(int(found[1]), found[2]) for found in matches if found]


@cache
def all_tests() -> tuple[str, ...]:
    """All tests as ``file::name``, found without importing them."""
    return tuple(_found())


def _found() -> Iterator[str]:
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (
                node.name.startswith("test_")
            ):
                yield f"{path.relative_to(TESTS).as_posix()}::{node.name}"


def named_rules(test: str) -> list[int]:
    """The numbers in a test's name: ``rule_14``, ``rule_14_and_21``."""
    _, _, name = test.partition("::")
    return [int(n) for found in NAMED.findall(name) for n in found.split("_and_")]


def test_the_rules_are_numbered_without_a_hole() -> None:
    found = rules(PAGE.read_text())
    assert found == list(range(1, len(found) + 1))
    assert len(found) >= 28


def test_every_rule_has_a_test() -> None:
    page = PAGE.read_text()
    stated: defaultdict[int, list[str]] = defaultdict(list)
    for test in all_tests():
        for rule in named_rules(test):
            stated[rule].append(test)
    for rule, test in table(page):
        stated[rule].append(test)
    assert [rule for rule in rules(page) if not stated[rule]] == []


def test_every_test_that_the_page_names_exists() -> None:
    known = set(all_tests())
    assert [test for _, test in table(PAGE.read_text()) if test not in known] == []


def test_no_test_names_a_rule_that_is_none() -> None:
    known = set(rules(PAGE.read_text()))
    wrong = [test for test in all_tests() if not known.issuperset(named_rules(test))]
    assert wrong == []


def test_numbers_are_read_from_names_as_they_are_written() -> None:
    assert named_rules("a.py::test_rule_14_and_21_a_key_of_5") == [14, 21]
    assert named_rules("a.py::test_rule_1_what_is_not_128_bits") == [1]
    assert named_rules("a.py::test_rules_are_named") == []
    assert table(f"{TABLE}\n| 3 | x | `a.py::test_b` |\n") == [Stated(3, "a.py::test_b")]
    assert rules(f"1. a\n2. b\n   continues\n{TABLE}\n3. no rule") == [1, 2]
