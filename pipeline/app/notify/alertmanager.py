"""Prometheus Alertmanager, API v2: the present state, sent again until it is over.

https://prometheus.io/docs/alerting/latest/clients/ and Alertmanager's ``openapi.yaml``. An alert
there is its labels; one that is not sent again ends at ``endsAt``. So a restarted Alertmanager
knows everything again after one round, and if this process dies its alerts end by themselves
after four rounds, as Prometheus' own do.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from pipeline.app.notify.book import Entry
from pipeline.codecs.cloud_events import SITE, instant
from pipeline.domain.event_time import MICROS, MINUTE

HEARTBEAT: Final = "CanvasTelemetryHeartbeat"

ROUNDS: Final = 4
"""Rounds that an alert outlives without being sent again."""

RESOLVED_FOR: Final = 15 * MINUTE
"""How long the end of an alert is sent again (Prometheus' resolvedRetention)."""

MS: Final = 1000

Alert = dict[str, Any]


def labels_of(record: Mapping[str, Any], severity: str, site: str) -> dict[str, str]:
    """Return the labels, which are the alert's identity in Alertmanager.

    ``site`` tells installations apart: their alerts may have the same fingerprint.
    """
    labels = {
        "alertname": record["rule"],
        "severity": severity,
        "service": "canvas-telemetry",
        "site": site,
        "detector": record["detector"],
        "dimension": record["dimension"],
        "key": record["key"],
        "fingerprint": record["fingerprint"],
        "episode": record["episode"],
        "owner": record["owner"],
    }
    return {name: value for name, value in labels.items() if value}


def annotations_of(record: Mapping[str, Any]) -> dict[str, str]:
    """Return what a reader is shown."""
    numbers = f"{record['observed']:g} (expected {record['expected']:.3g})"
    said = {
        "summary": record["title"],
        "description": record["explanation"],
        "action": record["action"],
        "observed": numbers,
        "evidence_query": record["evidence_query"],
        "caveat": record["caveat"],
        "rule_version": record["rule_version"],
    }
    return {name: value for name, value in said.items() if value}


class Rhythm(NamedTuple):
    """Times in microseconds: a round comes ``every`` so often.

    An alert goes on for ``hold`` after it was first taken, even if it is over by then (web_logs
    come hours late): Alertmanager tells nobody of an alert that it only ever saw ended.
    """

    every: int
    hold: int


def round_of(entries: Iterable[Entry], now: int, rhythm: Rhythm, site: str = SITE) -> list[Alert]:
    """Return the alerts to post; ``entries`` are those that are not silenced."""
    alerts = []
    for entry in entries:
        end = _end(entry, rhythm.hold)
        if end is None or now < end:
            later = now + ROUNDS * rhythm.every
            alerts.append(_alert(entry.record, entry.record["severity"], later, site))
        elif now <= end + RESOLVED_FOR:
            alerts.append(_alert(entry.record, entry.record["severity"], end, site))
        for severity, since_ms in entry.former.items():
            # Another severity is other labels, hence another alert: the one before it ends.
            if now <= since_ms * MS + RESOLVED_FOR:
                alerts.append(_alert(entry.record, severity, since_ms * MS, site))
    return alerts


def _end(entry: Entry, hold: int) -> int | None:
    """Return when an alert ends for Alertmanager; None: it goes on."""
    if entry.over_ms is None:
        return None
    if entry.record["status"] == "retracted":
        return entry.over_ms * MS
    return max(entry.over_ms * MS, entry.first_ms * MS + hold)


def _alert(record: Mapping[str, Any], severity: str, ends_at: int, site: str) -> Alert:
    return {
        "labels": labels_of(record, severity, site),
        "annotations": annotations_of(record),
        # Alertmanager refuses an end before the begin.
        "startsAt": instant(min(record["opened_at"], ends_at)),
        "endsAt": instant(ends_at),
    }


def heartbeat(now: int, every: int, site: str = SITE) -> Alert:
    """Return the alert that always fires while notify works: its absence is the alarm."""
    return {
        "labels": {
            "alertname": HEARTBEAT,
            "severity": "none",
            "service": "canvas-telemetry",
            "site": site,
        },
        "annotations": {"summary": "canvas-telemetry notify works; be told when this ends."},
        "startsAt": instant(now - now % (3600 * MICROS)),
        "endsAt": instant(now + ROUNDS * every),
    }


def body(alerts: list[Alert]) -> bytes:
    """Return what is posted."""
    return json.dumps(alerts, ensure_ascii=False).encode()
