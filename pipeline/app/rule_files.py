"""The rule files of a directory: read whole, or refused whole with everything wrong in them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pipeline.detect.rules import (
    AnyRule,
    Mistake,
    RuleMistakes,
    check_references,
    in_zone,
    load_rule,
)
from pipeline.domain.errors import SettingsError

PATTERN: Final = "*.yaml"


class RuleFile(NamedTuple):
    """A rule and where it was read from."""

    path: Path
    rule: AnyRule


def rule_paths(directory: Path) -> list[Path]:
    """Return the rule files of a directory, in the order of their names."""
    return sorted(directory.glob(PATTERN))


def read_rules(directory: Path, time_zone: str = "UTC") -> list[AnyRule]:
    """Return the rules of a directory; their hours are those of a time zone.

    Raises RuleMistakes with the mistakes of all files, SettingsError if there are no files or the
    rules contradict each other.
    """
    paths = rule_paths(directory)
    if not paths:
        raise SettingsError(f"there are no rules in {directory}")
    found, mistakes = read_files(paths)
    if mistakes:
        raise RuleMistakes(mistakes)
    rules = [in_zone(file.rule, time_zone) for file in found]
    check_references(rules)
    return rules


def read_files(paths: Iterable[Path]) -> tuple[list[RuleFile], list[Mistake]]:
    """Return the rules that could be read, and the mistakes of the other files."""
    found: list[RuleFile] = []
    mistakes: list[Mistake] = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            mistakes.append(Mistake(path.name, 1, f"not UTF-8 at byte {error.start}"))
            continue
        try:
            found.append(RuleFile(path, load_rule(text, path.name)))
        except RuleMistakes as error:
            mistakes += error.mistakes
    return found, mistakes


def chosen(rules: Sequence[AnyRule], ids: Sequence[str]) -> list[AnyRule]:
    """Return the rules with these ids; raises SettingsError for an id that no rule has."""
    known = {rule.id: rule for rule in rules}
    if unknown := [one for one in ids if one not in known]:
        raise SettingsError(f"there is no rule {unknown[0]}; there are {', '.join(sorted(known))}")
    return [known[one] for one in dict.fromkeys(ids)]
