"""The life of alerts: what was published, what detectors find now, and what to publish next.

    open ──▶ updated ──▶ resolved ──▶ resolved (final)
      └────────┴────────────┴──▶ revised: later rows changed what was resolved
      └────────┴────────────┴──▶ retracted: they leave nothing of it

All records of a fingerprint come in this order from the one writer there is, the detect task, under
one key of a topic with one partition: whoever reads them in the topic's order sees the life as it
was. A finding belongs to the published alert of the same rule and key whose window it meets; so one
story keeps one episode id while its evidence grows, however late the rows come.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pipeline.detect.alert_identity import Identity, Record, continued, identity_of
from pipeline.detect.alert_record import ADDED, record_of, retracted
from pipeline.detect.finding import Finding
from pipeline.detect.rules import AnyRule
from pipeline.detect.state_text import dumped, loaded
from pipeline.detect.suppression import KEPT, Suppressions, Told, reach, subject_of
from pipeline.domain.event_time import MINUTE

__all__ = ["DETECTOR", "AlertDesk", "Record"]

DETECTOR: Final = "alert_desk"
"""Detector name under which published alerts are kept."""

REACH: Final = "_reach"
"""Beside the record of a final alert: how long after its end it keeps others back."""

_SILENT: Final = ("status", "updated_at")


class AlertDesk:
    """Published alerts that may still change, as anomaly records without their version.

    ``held`` counts final findings of rules in force that were not published, by rule and reason
    (``shadow``, ``quiet_hours``, ``suppressed``), since the start of this process.
    """

    def __init__(self) -> None:
        self._alerts: dict[Identity, Record] = {}
        self._told: dict[Identity, Record] = {}
        self._suppressions = Suppressions()
        self._dirty: set[Identity] = set()
        self.held: Counter[tuple[str, str]] = Counter()

    @property
    def rules(self) -> set[str]:
        """Ids of the rules that have published alerts which may still change."""
        return {alert["rule"] for alert in self._alerts.values()}

    def report(
        self, rule_ids: Iterable[str], findings: Sequence[Finding], now: int, final: int = 0
    ) -> list[Record]:
        """Take all that some rules find at event time ``now``; return the records to publish.

        Every minute that ends by ``final`` is final; what the suppression remembers goes by it.
        """
        rules = set(rule_ids)
        unmatched = {
            identity: alert for identity, alert in self._alerts.items() if alert["rule"] in rules
        }
        published: list[Record] = []
        told = self._published(findings)
        ordered = sorted(told, key=lambda f: (not f.final, f.window_start, f.key))
        records = [record_of(finding, self._count(finding)) for finding in ordered]
        own = {identity_of(record) for record in records}
        for finding, record in zip(ordered, records, strict=True):
            near = finding.rule.parameters.quiet_min * MINUTE
            identity = continued(record, unmatched, own, near)
            before = unmatched.pop(identity) if identity else None
            published += self._publish(record, before, finding, now)
        for identity, alert in sorted(unmatched.items()):
            published.append(retracted(alert, now))
            self._forget(identity)
        return published + self._recounted({f.rule.id: f.rule for f in findings}, now, final)

    def _published(self, findings: Sequence[Finding]) -> list[Finding]:
        """Return the findings that are neither shadow, nor of quiet hours, nor suppressed."""
        loud: dict[str, list[Finding]] = {}
        rules: dict[str, AnyRule] = {}
        for finding in findings:
            rule = rules.setdefault(finding.rule.id, finding.rule)
            if rule.state != "enabled":
                self.held[rule.id, rule.state] += finding.final
                continue
            if rule.quiet_hours is not None and rule.quiet_hours.hold(
                finding.window_start, finding.window_end
            ):
                self.held[rule.id, "quiet_hours"] += finding.final
            else:
                loud.setdefault(rule.id, []).append(finding)
        published: list[Finding] = []
        for rule_id, rule in rules.items():
            heard = loud.get(rule_id, [])
            if rule.suppression is None:
                published += heard
                continue
            kept = self._suppressions.sort_out(rule, heard, self._told_of(rule))
            published += kept
            self.held[rule_id, "suppressed"] += sum(f.final for f in heard) - sum(
                f.final for f in kept
            )
        return published

    def _told_of(self, rule: AnyRule) -> list[Told]:
        return [
            Told(subject_of(rule, one["key"]), one["window_start"], one["window_end"])
            for one in self._told.values()
            if one["rule"] == rule.id
        ]

    def _count(self, finding: Finding) -> int:
        within = reach(finding.rule)
        if not within:
            return 0
        subject = subject_of(finding.rule, finding.key)
        end = finding.window_end + within
        return self._suppressions.count(subject, finding.window_start, end, final=finding.final)

    def _recounted(self, rules: Mapping[str, AnyRule], now: int, final: int) -> list[Record]:
        """Return final alerts that have kept more back since; forget those that no longer do."""
        published = []
        for identity, alert in list(self._told.items()):
            rule = rules.get(alert["rule"])
            end = alert["window_end"] + alert[REACH]
            if rule is not None:
                subject = subject_of(rule, alert["key"])
                count = self._suppressions.count(subject, alert["window_start"], end, final=True)
                if count != alert["suppressed"]:
                    alert |= {"suppressed": count, "updated_at": max(now, alert["updated_at"])}
                    published.append({k: v for k, v in alert.items() if k != REACH})
                    self._dirty.add(identity)
                if self._suppressions.waiting(subject, end):
                    continue
            if final > end:
                del self._told[identity]
                self._dirty.add(identity)
        live = {
            (one["rule"], key)
            for one in (*self._told.values(), *self._alerts.values())
            for key in (one["key"], "")
        }
        for subject in self._suppressions.subjects():
            if subject not in live:
                self._suppressions.forget(subject)
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
        identity = identity_of(record)
        if finding.final:
            self._forget(identity)
            if within := reach(finding.rule):
                self._told[identity] = record | {REACH: within}
                self._dirty.add(identity)
            return [record]
        if before is not None and _same(record, before):
            return []
        self._alerts[identity] = record
        self._dirty.add(identity)
        return [record]

    def _forget(self, identity: Identity) -> None:
        if self._alerts.pop(identity, None) is not None:
            self._dirty.add(identity)

    def take_states(self) -> list[tuple[str, str, str]]:
        """Return detector name, key and state (JSON) of what changed; empty: forgotten."""
        kept = {**self._told, **self._alerts}
        states = [
            (DETECTOR, "|".join(identity), dumped(kept.get(identity)))
            for identity in sorted(self._dirty)
        ]
        self._dirty.clear()
        states += [(DETECTOR, *state) for state in self._suppressions.take_states()]
        return states

    def restore(self, state: str) -> None:
        """Take back a published alert, or a count of alerts that were kept back."""
        found = loaded(state)
        if KEPT in found:
            self._suppressions.restore(found)
            return
        record: Record = {**ADDED, **found}
        identity = identity_of(record)
        (self._told if REACH in record else self._alerts)[identity] = record


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
