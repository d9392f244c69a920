"""A finding in the shape of an anomaly record, and what later records of it say."""

from collections.abc import Mapping
from typing import Any, Final

from pipeline.detect.alert_identity import Record, episode_id, fingerprint_of
from pipeline.detect.finding import Finding
from pipeline.detect.rules import SEVERITIES
from pipeline.domain.event_time import HOUR, MINUTE

PERMILLE: Final = 1000

ADDED: Final[Mapping[str, Any]] = {
    "rule_version": "",
    "owner": None,
    "severity_was": None,
    "judged_minutes": 0,
    "baseline_days": None,
    "contributing_permille": [],
    "suppressed": 0,
}
"""Fields that records written by earlier versions of this program do not have."""


RETRACTED: Final = (
    " Withdrawn: with all rows in, this does not stand out, or another alert explains it."
)


def record_of(finding: Finding, suppressed: int) -> Record:
    """Return the anomaly record of a finding; its status comes from its life."""
    rule = finding.rule
    fingerprint = fingerprint_of(rule.id, rule.detector, finding.key)
    severity = severity_of(finding)
    return {
        "fingerprint": fingerprint,
        "episode": episode_id(fingerprint, finding.opened_at),
        "status": "open",
        "rule": rule.id,
        "detector": rule.detector,
        "severity": severity,
        "title": finding.title,
        "explanation": finding.explanation,
        "action": rule.action,
        "dimension": rule.dimension,
        "key": finding.key,
        "feeds": list(finding.feeds),
        "window_start": finding.window_start,
        "window_end": finding.window_end,
        "opened_at": finding.opened_at,
        "updated_at": finding.window_end,
        "resolved_at": finding.resolved_at,
        "provisional": not finding.final,
        "observed": float(finding.observed),
        "expected": finding.expected,
        "threshold": float(finding.threshold),
        "probability": finding.probability,
        "contributing_keys": [name for name, _ in finding.contributing],
        "contributing_counts": [count for _, count in finding.contributing],
        "sample_request_ids": list(finding.request_ids),
        "sample_session_ids": list(finding.session_ids),
        "evidence_query": finding.evidence_query,
        "caveat": rule.caveat,
        "rule_version": rule.version,
        "owner": rule.owner,
        "severity_was": None if severity == rule.severity else rule.severity,
        "judged_minutes": finding.window_min,
        "baseline_days": _baseline_days(finding),
        "contributing_permille": _permille(finding),
        "suppressed": suppressed,
    }


def severity_of(finding: Finding) -> str:
    """Return the rule's severity, or the higher one to which the evidence has raised it.

    It depends on the finding alone: runs over the same statistics end in the same severity.
    """
    rule = finding.rule
    severity: str = rule.severity
    escalation = rule.escalation
    if escalation is None:
        return severity
    lasted = finding.window_end - finding.window_start
    long = escalation.after_min is not None and lasted >= escalation.after_min * MINUTE
    times = escalation.times
    much = times is not None and finding.observed >= times * finding.threshold
    if not (long or much):
        return severity
    return max(severity, escalation.to, key=SEVERITIES.index)


def retracted(alert: Record, now: int) -> Record:
    """Return the last record of a published alert of which nothing is left at ``now``."""
    return alert | {
        "status": "retracted",
        "provisional": False,
        "updated_at": max(now, alert["updated_at"]),
        "resolved_at": now if alert["resolved_at"] is None else alert["resolved_at"],
        "explanation": alert["explanation"] + RETRACTED,
    }


def _baseline_days(finding: Finding) -> float | None:
    if finding.baseline_since is None:
        return None
    return round(max(finding.window_start - finding.baseline_since, 0) / (24 * HOUR), 2)


def _permille(finding: Finding) -> list[int]:
    counts = [count for _, count in finding.contributing]
    whole = sum(counts) if finding.total is None else finding.total
    return [min(round(PERMILLE * count / whole), PERMILLE) if whole > 0 else 0 for count in counts]
