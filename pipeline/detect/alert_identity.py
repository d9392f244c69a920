"""Names of alerts, and the published alert whose story a new record goes on with."""

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from pipeline.domain.event_time import MINUTE

Record = dict[str, Any]
Identity = tuple[str, str]
"""Fingerprint and episode id of an alert."""

_BETWEEN: Final = "-"


def fingerprint_of(rule_id: str, detector: str, key: str) -> str:
    """Return the stable identity of what an alert is about, 32 hex digits."""
    text = json.dumps([rule_id, detector, key], ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def episode_id(fingerprint: str, opened_at: int) -> str:
    """Return the id of the story that opened at ``opened_at`` (microseconds).

    The window of a second story may reach back to the minute in which the window of the first one
    begins; no two of a fingerprint open in the same minute.
    """
    return f"{fingerprint}{_BETWEEN}{opened_at // MINUTE}"


def identity_of(record: Mapping[str, Any]) -> Identity:
    """Return fingerprint and episode id of a record."""
    return record["fingerprint"], record["episode"]


def continued(
    record: Record, alerts: Mapping[Identity, Record], own: Collection[Identity], near: int
) -> Identity | None:
    """Return the published alert that a record goes on with: its own, else one that it met.

    An alert that is one of ``own``, the identities of all that is found, is no other story's,
    however near: two would go on under one id. ``near``: the quiet time in microseconds.
    """
    identity = identity_of(record)
    if identity in alerts:
        return identity
    met = [
        (_distance(alert, record), at)
        for at, alert in alerts.items()
        if at not in own and _meet(alert, record, near)
    ]
    return min(met)[1] if met else None


def _meet(alert: Record, record: Record, near: int) -> bool:
    """Tell whether a published alert is of the same story as a record.

    What was named after a minute in which another story can still open is not: that one would be
    given the same id.
    """
    if alert["fingerprint"] != record["fingerprint"]:
        return False
    begins: int = record["window_start"]
    ends: int = record["window_end"]
    return _named_after(alert) <= ends + near and begins <= alert["window_end"] + near


def _named_after(alert: Record) -> int:
    """Return the minute that an episode id names, in microseconds."""
    return int(alert["episode"].rpartition(_BETWEEN)[2]) * MINUTE


def _distance(alert: Record, record: Record) -> tuple[int, int]:
    return (
        abs(alert["window_start"] - record["window_start"]),
        abs(alert["opened_at"] - record["opened_at"]),
    )
