"""The life of alerts: what was published, what detectors find now, and what to publish next.

    open ──▶ updated ──▶ resolved ──▶ resolved (final)
      └────────┴────────────┴──▶ revised: later rows changed what was resolved
      └────────┴────────────┴──▶ retracted: they leave nothing of it

A finding belongs to the published alert of the same rule and key whose window it meets; so one
story keeps one episode id while its evidence grows, however late the rows come.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from pipeline.detect.finding import Finding
from pipeline.domain.event_time import MINUTE

DETECTOR: Final = "alert_desk"
"""Detector name under which published alerts are kept."""

Record = dict[str, Any]
_Identity = tuple[str, str]

_SILENT: Final = ("status", "updated_at")


def fingerprint_of(rule_id: str, detector: str, key: str) -> str:
    """Return the stable identity of what an alert is about, 32 hex digits."""
    text = json.dumps([rule_id, detector, key], ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class AlertDesk:
    """Published alerts that may still change, as anomaly records without their version."""

    def __init__(self) -> None:
        self._alerts: dict[_Identity, Record] = {}
        self._dirty: set[_Identity] = set()

    def report(
        self, rule_ids: Iterable[str], findings: Sequence[Finding], now: int
    ) -> list[Record]:
        """Take all that some rules find at event time ``now``; return the records to publish."""
        rules = set(rule_ids)
        unmatched = {
            identity: alert for identity, alert in self._alerts.items() if alert["rule"] in rules
        }
        published: list[Record] = []
        for finding in sorted(findings, key=lambda f: (not f.final, f.window_start, f.key)):
            rule = finding.rule
            if rule.state != "enabled":
                continue
            record = _record(finding)
            near = rule.parameters.quiet_min * MINUTE
            identity = _met_by(record, unmatched, near)
            before = unmatched.pop(identity) if identity else None
            published += self._publish(record, before, finding, now)
        for identity, alert in unmatched.items():
            published.append(_retracted(alert, now))
            self._forget(identity)
        return published

    def _publish(
        self, record: Record, before: Record | None, finding: Finding, now: int
    ) -> list[Record]:
        if before is not None:
            record["episode"] = before["episode"]
        record["status"] = _status(before, finding)
        record["updated_at"] = (
            finding.resolved_at if finding.final else max(now, record["window_end"])
        )
        identity = (record["fingerprint"], record["episode"])
        if finding.final:
            self._forget(identity)
            return [record]
        if before is not None and _same(record, before):
            return []
        self._alerts[identity] = record
        self._dirty.add(identity)
        return [record]

    def _forget(self, identity: _Identity) -> None:
        if self._alerts.pop(identity, None) is not None:
            self._dirty.add(identity)

    def take_states(self) -> list[tuple[str, str, str]]:
        """Return detector name, key and state (JSON) of what changed; empty: forgotten."""
        states = [
            (DETECTOR, "|".join(identity), json.dumps(self._alerts[identity]))
            if identity in self._alerts
            else (DETECTOR, "|".join(identity), "")
            for identity in sorted(self._dirty)
        ]
        self._dirty.clear()
        return states

    def restore(self, state: str) -> None:
        """Take back a published alert."""
        record: Record = json.loads(state)
        self._alerts[(record["fingerprint"], record["episode"])] = record


def _record(finding: Finding) -> Record:
    """Return the anomaly record of a finding; its status comes from its life."""
    rule = finding.rule
    fingerprint = fingerprint_of(rule.id, rule.detector, finding.key)
    return {
        "fingerprint": fingerprint,
        "episode": f"{fingerprint}-{finding.window_start // MINUTE}",
        "status": "open",
        "rule": rule.id,
        "detector": rule.detector,
        "severity": rule.severity,
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
        "provisional": finding.provisional,
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
    }


def _met_by(record: Record, alerts: dict[_Identity, Record], near: int) -> _Identity | None:
    """Return the published alert of the same story: ``near`` it, with the nearest start."""
    met = [
        (abs(alert["window_start"] - record["window_start"]), identity)
        for identity, alert in alerts.items()
        if alert["fingerprint"] == record["fingerprint"]
        and alert["window_start"] <= record["window_end"] + near
        and record["window_start"] <= alert["window_end"] + near
    ]
    return min(met)[1] if met else None


def _status(before: Record | None, finding: Finding) -> str:
    if finding.final:
        return "resolved"
    if before is None:
        return "open" if finding.resolved_at is None else "resolved"
    if before["resolved_at"] is not None:
        return "revised"
    return "updated" if finding.resolved_at is None else "resolved"


def _same(record: Record, before: Record) -> bool:
    return all(before[name] == value for name, value in record.items() if name not in _SILENT)


def _retracted(alert: Record, now: int) -> Record:
    return alert | {
        "status": "retracted",
        "provisional": False,
        "updated_at": max(now, alert["updated_at"]),
        "resolved_at": now if alert["resolved_at"] is None else alert["resolved_at"],
        "explanation": alert["explanation"]
        + " Withdrawn: with all rows in, this does not stand out, or another alert explains it.",
    }
