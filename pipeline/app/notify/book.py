"""The present state of every alert, and what each record changes for a reader.

Everything here is rebuilt from the topic at every start: nothing else is kept.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

Record = Mapping[str, Any]

Kind = Literal[
    "opened", "found", "updated", "risen", "resolved", "reopened", "revised", "settled", "retracted"
]

KINDS: Final[tuple[Kind, ...]] = (
    *("opened", "found", "updated", "risen", "resolved", "reopened", "revised", "settled"),
    "retracted",
)

SEVERITIES: Final = ("info", "warning", "critical")

FORGOTTEN_AFTER_MS: Final = 3 * 86_400_000
"""An alert that has been over so long, and unchanged, is dropped from memory."""


class Identity(NamedTuple):
    """What an alert is known by."""

    fingerprint: str
    episode: str


@dataclass(slots=True)
class Entry:
    """An alert as far as it was taken; times are of taking, in milliseconds.

    ``over_ms``: since when it is over. ``former``: severities that it had before, and since when
    it has them no longer. ``told``: people were told of it, so that its end is of interest.
    """

    record: Record
    first_ms: int
    last_ms: int
    over_ms: int | None
    former: dict[str, int]
    told: bool = False

    @property
    def active(self) -> bool:
        """Whether it goes on."""
        return self.over_ms is None


class Change(NamedTuple):
    """What a record is to what was known before."""

    kind: Kind
    entry: Entry


class Book:
    """Alerts by identity; the highest version counts, whatever order records come in."""

    def __init__(self) -> None:
        self._entries: dict[Identity, Entry] = {}

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def take(self, record: Record, at_ms: int) -> Change | None:
        """Take a record; return what it changes, None if it is a repetition."""
        identity = Identity(record["fingerprint"], record["episode"])
        entry = self._entries.get(identity)
        active = is_active(record)
        if entry is None:
            entry = Entry(record, at_ms, at_ms, None if active else at_ms, _begun(record, at_ms))
            self._entries[identity] = entry
            kind: Kind = "opened" if active else "found"
            return Change("retracted" if record["status"] == "retracted" else kind, entry)
        before = entry.record
        if record["version"] <= before["version"]:
            return None
        if record["severity"] != before["severity"]:
            entry.former[before["severity"]] = at_ms
            entry.former.pop(record["severity"], None)
        entry.over_ms = None if active else entry.over_ms or at_ms
        entry.record, entry.last_ms = record, at_ms
        return Change(_kind(before, record), entry)

    def forget(self, now_ms: int) -> None:
        """Drop what has been over and unchanged for long."""
        for identity, entry in list(self._entries.items()):
            if not entry.active and now_ms - entry.last_ms > FORGOTTEN_AFTER_MS:
                del self._entries[identity]


def _begun(record: Record, at_ms: int) -> dict[str, int]:
    # It may have been sent with the severity that the rule begins with, by an earlier process.
    return {} if record["severity_was"] is None else {record["severity_was"]: at_ms}


def is_active(record: Record) -> bool:
    """Return whether an alert goes on."""
    return record["status"] != "retracted" and record["resolved_at"] is None


def _kind(before: Record, record: Record) -> Kind:
    if record["status"] == "retracted":
        return "retracted"
    was, goes_on = is_active(before), is_active(record)
    if was != goes_on:
        return "reopened" if goes_on else "resolved"
    if SEVERITIES.index(record["severity"]) > SEVERITIES.index(before["severity"]):
        return "risen"
    if goes_on:
        return "updated"
    # Final records of what was over already mostly say the same with more certainty.
    silent = ("status", "version", "updated_at", "provisional", "resolved_at", "suppressed")
    same = all(record[name] == before[name] for name in record if name not in silent)
    return "settled" if same else "revised"
