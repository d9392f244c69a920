"""One thing to tell, in the fields that templates and messages are made of."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from pipeline.app.notify.book import Kind
from pipeline.codecs.cloud_events import SITE, anomaly_attributes, instant
from pipeline.domain.event_time import MICROS

WORDS: Final[Mapping[Kind, str]] = {
    "opened": "OPEN",
    "found": "FOUND, OVER ALREADY",
    "updated": "CHANGED",
    "risen": "MORE SEVERE",
    "resolved": "RESOLVED",
    "reopened": "OPEN AGAIN",
    "revised": "REVISED",
    "settled": "CONFIRMED",
    "retracted": "WITHDRAWN",
}

TIMES: Final = ("window_start", "window_end", "opened_at", "updated_at", "resolved_at")
MOST_SHARES: Final = 10


class Notice(NamedTuple):
    """An alert's record, what it changes, and the offset it was read at (None: made here)."""

    kind: Kind
    record: Mapping[str, Any]
    offset: int | None = None

    @property
    def dedup_key(self) -> str:
        """The same for every delivery of one record: what a receiver drops repetitions by."""
        return anomaly_attributes(self.record)["id"]

    def fields(self, site: str = SITE) -> dict[str, str]:
        """Return what a template may name, all as texts; ``site`` names the installation."""
        record = self.record
        said = {name: "" if value is None else str(value) for name, value in record.items()}
        said |= {name: _minute(record[name]) for name in TIMES}
        keys, shares = record["contributing_keys"], record["contributing_permille"]
        named = [
            f"{key or 'all'} ({share / 10:.0f} %)"
            for key, share in list(zip(keys, shares, strict=False))[:MOST_SHARES]
        ]
        return said | {
            "site": site,
            "kind": self.kind,
            "what_happened": WORDS[self.kind],
            "dedup_key": self.dedup_key,
            "feeds": ", ".join(record["feeds"]),
            "observed": f"{record['observed']:g}",
            "expected": f"{record['expected']:.3g}",
            "threshold": f"{record['threshold']:g}",
            "contributing": ", ".join(named),
            "samples": ", ".join(record["sample_request_ids"]),
        }

    def event(self, site: str) -> bytes:
        """Return a CloudEvent in JSON; its data is the record, times in RFC 3339."""
        record = {
            name: instant(value) if name in TIMES and value is not None else value
            for name, value in self.record.items()
        }
        attributes = anomaly_attributes(self.record, site)
        event = {**attributes, "kind": self.kind, "datacontenttype": "application/json"}
        return json.dumps({**event, "data": record}, ensure_ascii=False).encode()


def _minute(at: int | None) -> str:
    return "" if at is None else f"{datetime.fromtimestamp(at / MICROS, UTC):%Y-%m-%d %H:%M} UTC"


def example(now: int) -> Notice:
    """Return a notice that is none: for trying a channel. ``now`` in microseconds."""
    minute = now - now % (60 * MICROS)
    return Notice(
        "opened",
        {
            "fingerprint": "0" * 32,
            "episode": f"{'0' * 32}-test-{minute // MICROS}",
            "status": "open",
            "version": 1,
            "rule": "notify_test",
            "detector": "none",
            "severity": "info",
            "title": "Test: nothing has happened",
            "explanation": "Somebody ran canvas-telemetry notify test.",
            "action": "Nothing is to be done.",
            "dimension": "all",
            "key": "",
            "feeds": [],
            **dict.fromkeys(("window_start", "window_end", "opened_at", "updated_at"), minute),
            "resolved_at": None,
            "provisional": True,
            "observed": 0.0,
            "expected": 0.0,
            "threshold": 0.0,
            "probability": None,
            "contributing_keys": [],
            "contributing_counts": [],
            "sample_request_ids": [],
            "sample_session_ids": [],
            "evidence_query": "",
            "caveat": "A test.",
            "rule_version": "",
            "owner": None,
            "severity_was": None,
            "judged_minutes": 0,
            "baseline_days": None,
            "contributing_permille": [],
            "suppressed": 0,
        },
    )
