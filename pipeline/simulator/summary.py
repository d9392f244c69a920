"""What a simulation wrote, as values and as the document beside the data."""

from dataclasses import asdict, dataclass
from typing import Any

from pipeline.domain.feeds import LIVE_EVENTS, WEB_LOGS
from pipeline.simulator.config import SimulationConfig
from pipeline.simulator.instance import HOST, ROOT_ACCOUNT_ID, SHARD
from pipeline.simulator.labels import AttackLabel, BadLineLabel, LookAlike
from pipeline.simulator.times import iso_ms


@dataclass(frozen=True, slots=True)
class SimulationSummary:
    """Totals, and what was injected.

    `web_log_rows` are requests, each written once; `corrections` and `deletions` are further
    lines about rows among them. `sessions` counts the session ids in web_logs, before any is
    cut by a pause. `files` are relative to the output directory, in the order of time.
    """

    config: SimulationConfig
    web_log_rows: int
    corrections: int
    deletions: int
    live_events: int
    audit_events: int
    sessions: int
    masqueraded_rows: int
    server_errors: int
    bad_lines: tuple[BadLineLabel, ...]
    attacks: tuple[AttackLabel, ...]
    look_alikes: tuple[LookAlike, ...]
    files: tuple[str, ...]

    @property
    def web_log_lines(self) -> int:
        """Lines in the web_logs files: rows, corrections, deletions and bad lines."""
        bad = sum(label.feed == WEB_LOGS for label in self.bad_lines)
        return self.web_log_rows + self.corrections + self.deletions + bad

    @property
    def live_event_lines(self) -> int:
        """Lines in the Live Events files: events and bad lines."""
        return self.live_events + sum(label.feed == LIVE_EVENTS for label in self.bad_lines)


def labels_document(summary: SimulationSummary) -> dict[str, Any]:
    """Give the content of `labels.json`; instants as ISO text and as microseconds."""
    config = summary.config
    return {
        "config": asdict(config),
        **_interval(config.start_us, config.end_us),
        "instance": {"host": HOST, "root_account_id": ROOT_ACCOUNT_ID, "shard": SHARD},
        "totals": {
            "web_logs": {
                "lines": summary.web_log_lines,
                "rows": summary.web_log_rows,
                "corrections": summary.corrections,
                "deletions": summary.deletions,
                "bad_lines": sum(label.feed == WEB_LOGS for label in summary.bad_lines),
            },
            "live_events": {
                "lines": summary.live_event_lines,
                "events": summary.live_events,
                "bad_lines": sum(label.feed == LIVE_EVENTS for label in summary.bad_lines),
            },
            "course_audit": {"events": summary.audit_events},
            "sessions": summary.sessions,
            "masqueraded_rows": summary.masqueraded_rows,
            "server_errors": summary.server_errors,
        },
        "attacks": [_attack(label) for label in summary.attacks],
        "look_alikes": [
            {
                "kind": note.kind,
                **_interval(note.start_us, note.end_us),
                "key": note.key._asdict(),
            }
            for note in summary.look_alikes
        ],
        "bad_lines": [label._asdict() for label in summary.bad_lines],
        "files": list(summary.files),
    }


def _attack(label: AttackLabel) -> dict[str, Any]:
    return {
        "name": label.name,
        "kind": label.kind,
        "rule": label.rule,
        "strength": label.strength,
        **_interval(label.start_us, label.end_us),
        "feeds": list(label.feeds),
        "keys": [key._asdict() for key in label.keys],
        "tolerated": [key._asdict() for key in label.tolerated],
        "also": list(label.also),
        "web_logs": label.web_logs,
        "live_events": label.live_events,
        "detail": label.detail,
    }


def _interval(start_us: int, end_us: int) -> dict[str, Any]:
    return {
        "start": iso_ms(start_us),
        "end": iso_ms(end_us),
        "start_us": start_us,
        "end_us": end_us,
    }
