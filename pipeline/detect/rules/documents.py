"""Rule files: text becomes a rule, or a list of everything wrong with it, line by line.

One YAML document is one rule. Reading the files is the edge's work. Unknown keys are refused, so
that a misspelt parameter never silently keeps its default.
"""

import difflib
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from pipeline.detect.rules.envelope import Rule
from pipeline.detect.rules.marked_yaml import MarkedYaml, Path
from pipeline.detect.rules.models import RULES, AnyRule
from pipeline.detect.rules.watching import WatchRule
from pipeline.domain.errors import SettingsError

_BY_DETECTOR: Final[Mapping[str, type[AnyRule]]] = {
    get_args(model.model_fields["detector"].annotation)[0]: model for model in RULES
}

_PYDANTIC: Final = "Value error, "
"""What pydantic puts before the words of our own validators."""


class Mistake(NamedTuple):
    """One thing wrong with a rule file; lines count from 1."""

    source: str
    line: int
    text: str

    def __str__(self) -> str:
        """Return the mistake as compilers write it, so that editors jump to it."""
        return f"{self.source}:{self.line}: {self.text}"


class RuleMistakes(SettingsError):
    """A rule file is wrong; ``mistakes`` has at least one entry, in order of lines."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = sorted(mistakes)
        super().__init__("; ".join(map(str, self.mistakes)))


def load_rule(text: str, source: str) -> AnyRule:
    """Return the rule that a YAML document describes.

    ``source`` names the document in messages. Raises RuleMistakes with all that is wrong in it.
    """
    document = MarkedYaml(text)
    if document.misread:
        raise RuleMistakes([Mistake(source, *misread) for misread in document.misread])
    value = document.value
    if not isinstance(value, dict):
        raise RuleMistakes([Mistake(source, 1, "a rule is a mapping of keys to values")])
    model = _BY_DETECTOR.get(str(value.get("detector")))
    if model is None:
        known = ", ".join(_BY_DETECTOR)
        line = document.line(("detector",))
        raise RuleMistakes([Mistake(source, line, f"detector must be one of: {known}")])
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise RuleMistakes(
            [
                Mistake(source, document.line(problem["loc"]), _words(problem, model))
                for problem in error.errors(include_url=False)
            ]
        ) from error


def changed_rule(rule: AnyRule, changes: Mapping[str, str]) -> AnyRule:
    """Return a rule with other values; names are parameters, or keys of the rule, with dots.

    Values are YAML. Raises RuleMistakes, which name the change.
    """
    document: dict[str, Any] = rule.model_dump(mode="json", by_alias=True, exclude_unset=True)
    for name, text in changes.items():
        *path, last = name.split(".")
        if not path and last not in type(rule).model_fields:
            path = ["parameters"]
        part = document
        for step in path:
            part = part.setdefault(step, {})
        part[last] = MarkedYaml(text).value
    try:
        return type(rule).model_validate(document)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        told = [Mistake("--set", 1, _words(problem, type(rule))) for problem in problems]
        raise RuleMistakes(told) from error


def in_zone(rule: AnyRule, time_zone: str) -> AnyRule:
    """Return a rule whose hours are those of a time zone, unless it names one itself."""
    if not isinstance(rule, WatchRule) or rule.time_zone is not None:
        return rule
    return rule.model_copy(update={"time_zone": time_zone})


def rule_schema() -> dict[str, Any]:
    """Return the JSON schema of rule files (draft 2020-12), for editors."""
    rule: TypeAdapter[AnyRule] = TypeAdapter(Annotated[AnyRule, Field(discriminator="detector")])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A detection rule of canvas-telemetry",
        **rule.json_schema(),
    }


def _words(problem: Any, model: type[Rule]) -> str:
    path: Path = problem["loc"]
    where = ".".join(map(str, path))
    if problem["type"] != "extra_forbidden":
        said = problem["msg"].removeprefix(_PYDANTIC)
        return f"{where}: {said}" if where else said
    known = _known(model, path[:-1])
    near = difflib.get_close_matches(str(path[-1]), known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
    return f"unknown key {where} ({hint})"


def _known(model: type[BaseModel], path: Path) -> list[str]:
    """Return the keys of the part of a rule that a path leads to."""
    for step in path:
        if isinstance(step, int):
            continue
        field = next((f for n, f in model.model_fields.items() if step in {n, f.alias}), None)
        found = _model_in(field.annotation) if field else None
        if found is None:
            return []
        model = found
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation speaks of, through tuples, options and Annotated."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {tuple, list, Union, UnionType, Annotated}:
        return next(filter(None, map(_model_in, get_args(annotation))), None)
    return None
