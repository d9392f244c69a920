"""What the rules of a directory say of each other."""

from collections.abc import Iterable

from pipeline.detect.rules.models import AnyRule, ErrorSpikeRule
from pipeline.domain.errors import SettingsError


def check_references(rules: Iterable[AnyRule]) -> None:
    """Check that ids are unique and that parts name a whole; raise SettingsError otherwise."""
    listed = list(rules)
    by_id = {rule.id: rule for rule in listed}
    if len(by_id) != len(listed):
        ids = [rule.id for rule in listed]
        twice = ", ".join(sorted({i for i in ids if ids.count(i) > 1}))
        raise SettingsError(f"Rule ids are given twice: {twice}.")
    claimed: dict[str, str] = {}
    for rule in listed:
        whole_id = getattr(rule, "part_of", None)
        if whole_id is None:
            continue
        whole = by_id.get(whole_id)
        _check_part(rule, whole)
        if whole_id in claimed:
            raise SettingsError(
                f"Rules {claimed[whole_id]} and {rule.id}: both part of {whole_id}."
            )
        claimed[whole_id] = rule.id


def dimensions_of_rule(rule: AnyRule) -> set[str]:
    """Return the dimensions that a rule reads: its own, and those of its steps."""
    steps = [*getattr(rule, "after", ())]
    steps += [getattr(rule, name, None) for name in ("ended_by", "reopened_by", "new_in")]
    return {rule.dimension, *(step.dimension for step in steps if step is not None)}


def _check_part(rule: AnyRule, whole: AnyRule | None) -> None:
    if isinstance(rule, ErrorSpikeRule):
        if not isinstance(whole, ErrorSpikeRule) or whole.dimension != "all":
            raise SettingsError(f"Rule {rule.id}: part_of must name an error_spike rule on all.")
        if whole.parameters.status_class != rule.parameters.status_class:
            raise SettingsError(f"Rule {rule.id}: watches other errors than {whole.id}.")
        return
    if whole is None or whole.detector != rule.detector or getattr(whole, "part_of", None):
        raise SettingsError(
            f"Rule {rule.id}: part_of must name a {rule.detector} rule that is no part itself."
        )
    if getattr(whole, "measure", None) != getattr(rule, "measure", None):
        raise SettingsError(f"Rule {rule.id}: watches another measure than {whole.id}.")
