"""What is wrong with rules although each of them can be read.

References between rules and to dimensions, and what can never happen: a filter that no key
passes, a feed that the dimension does not count, a severity that cannot rise.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from pipeline.aggregate.dimensions import DIMENSIONS, Dimension
from pipeline.app.rule_files import RuleFile
from pipeline.detect.rules import SEVERITIES, AnyRule, Mistake, check_references
from pipeline.detect.rules.marked_yaml import MarkedYaml, Path
from pipeline.detect.rules.watching import AfterEndRule, NewIn, SequenceRule, Step
from pipeline.domain.errors import SettingsError
from pipeline.domain.feeds import FEEDS

_BY_NAME: Final[dict[str, Dimension]] = {dimension.name: dimension for dimension in DIMENSIONS}
_COUNTED: Final = {(dimension.name, feed) for dimension in DIMENSIONS for feed in dimension.feeds}
"""Several dimensions may have one name: feeds tell what they count in different ways."""


class _Wrong(NamedTuple):
    path: Path
    text: str


def wrong_with(files: Sequence[RuleFile], *, complete: bool) -> list[Mistake]:
    """Return what is wrong with rules that could be read, by file and line.

    ``complete``: these are all rules there are, so what they say of each other is checked too.
    """
    found: list[Mistake] = []
    for file in files:
        lines = MarkedYaml(file.path.read_text(encoding="utf-8"))
        found += [
            Mistake(file.path.name, lines.line(wrong.path), wrong.text)
            for wrong in _wrong_with(file.rule)
        ]
        if file.rule.id != file.path.stem:
            text = f"id {file.rule.id} is not the file's name {file.path.stem}"
            found.append(Mistake(file.path.name, lines.line(("id",)), text))
    if complete:
        try:
            check_references([file.rule for file in files])
        except SettingsError as error:
            found.append(Mistake("rules", 1, str(error)))
    return sorted(found)


def untested(files: Sequence[RuleFile]) -> list[str]:
    """Return the ids of rules without an example that must fire and one that must stay quiet."""
    return [
        file.rule.id
        for file in files
        if not (file.rule.examples.fires and file.rule.examples.quiet)
    ]


def _wrong_with(rule: AnyRule) -> Iterator[_Wrong]:
    for path, step in _steps(rule):
        if step.dimension not in _BY_NAME:
            yield _Wrong(path, f"there is no dimension {step.dimension}: {_names()}")
    dimension = _BY_NAME.get(rule.dimension)
    if dimension is None:
        yield _Wrong(("dimension",), f"there is no dimension {rule.dimension}: {_names()}")
        return
    names = {dimension.name, *(step.dimension for _, step in _steps(rule))}
    counted = [feed for feed in FEEDS if any((name, feed) in _COUNTED for name in names)]
    unseen = [feed for feed in rule.feeds if feed not in counted]
    given = "feeds" in rule.model_fields_set
    if len(unseen) == len(rule.feeds) or (unseen and given):
        text = (
            f"dimension {dimension.name} is counted for {' and '.join(counted)}, "
            f"never for {' or '.join(unseen)}"
        )
        yield _Wrong(("feeds",), text)
    yield from _unreachable(rule, dimension)
    escalation = rule.escalation
    if escalation and SEVERITIES.index(escalation.to) <= SEVERITIES.index(rule.severity):
        text = f"{escalation.to} is not above the rule's severity {rule.severity}: it never rises"
        yield _Wrong(("escalation", "to"), text)


def _steps(rule: AnyRule) -> Iterator[tuple[Path, Step | NewIn]]:
    if isinstance(rule, SequenceRule):
        yield from ((("after", number), step) for number, step in enumerate(rule.after))
        if rule.new_in is not None:
            yield ("new_in",), rule.new_in
    if isinstance(rule, AfterEndRule):
        yield ("ended_by",), rule.ended_by
        if rule.reopened_by is not None:
            yield ("reopened_by",), rule.reopened_by


def _unreachable(rule: AnyRule, dimension: Dimension) -> Iterator[_Wrong]:
    """Say which patterns can never matter."""
    only, left_out = rule.filters.only, rule.filters.except_
    if (only or left_out) and not dimension.key:
        yield _Wrong(("filters",), f"dimension {dimension.name} has one key, without a name")
        return
    for part, patterns in (("only", only), ("except", left_out)):
        for pattern in patterns:
            if len(dimension.key) > 1 and not re.search(r"[#*?]", pattern):
                text = f"{pattern!r} matches no key: keys of {dimension.name} are of the form a#b"
                yield _Wrong(("filters", part), text)
    for pattern in only:
        if any(covers(other, pattern) for other in left_out):
            yield _Wrong(("filters", "only"), f"{pattern!r} is left out again by except")
    for pattern in left_out:
        if only and not any(meet(pattern, other) for other in only):
            text = f"{pattern!r} leaves out nothing that only lets in"
            yield _Wrong(("filters", "except"), text)


def covers(wide: str, narrow: str) -> bool:
    """Whether every text that ``narrow`` matches is matched by ``wide``."""
    if not wide:
        return not narrow
    if wide[0] == "*":
        return covers(wide[1:], narrow) or (bool(narrow) and covers(wide, narrow[1:]))
    if not narrow or narrow[0] == "*":
        return False
    return wide[0] in {"?", narrow[0]} and covers(wide[1:], narrow[1:])


def meet(one: str, other: str) -> bool:
    """Whether some text is matched by both patterns."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return meet(one[1:], other) or meet(one, other[1:])
    if other[0] == "*":
        return meet(other, one)
    return (one[0] == other[0] or "?" in {one[0], other[0]}) and meet(one[1:], other[1:])


def _names() -> str:
    return "one of " + ", ".join(sorted(_BY_NAME))
