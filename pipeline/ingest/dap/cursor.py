"""Where the DAP agent stands: one cursor, and what it has done so far."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from pipeline.ingest.dap.options import TABLE
from pipeline.ingest.ordered import Key

AGENT: Final = "web_logs_dap"
SUBJECT: Final = TABLE

BEGINNING: Final = -(1 << 40)
"""A part before every part of a spool."""

_OVERLAPS: Final = 100
"""Seconds by which windows overlap at most, and so many different questions for one instant."""

_GAPS: Final = 20
"""Gaps that are remembered."""


@dataclass(frozen=True, slots=True)
class DapCursor:
    """The window under way, or the place between two windows.

    ``since`` is where the window begins (None: a snapshot), ``until`` where it ends (None: no
    window is under way); both as DAP wrote them, ISO 8601. Of the window, the parts of the spool
    before ``part`` are published, and of that one everything up to the key ``after``, ``position``
    rows. ``job`` made the objects, which hold for a day. ``judged_at`` is the instant against which
    rows are found to be dated in the future. ``schema_version`` is the last one that was compared.
    ``empty`` windows in a row gave nothing new. The rest are counts since the first window, and
    the ``gaps`` (from, to) that were skipped because DAP no longer had them. Instants but the texts
    are microseconds.
    """

    since: str | None = None
    until: str | None = None
    job: str | None = None
    judged_at: int = 0
    part: int = BEGINNING
    after: tuple[int | str, ...] | None = None
    position: int = 0
    schema_version: int | None = None
    empty: int = 0
    windows: int = 0
    published: int = 0
    deletes: int = 0
    dead: int = 0
    newest: int | None = None
    next_at: int | None = None
    gaps: tuple[tuple[str, str], ...] = ()

    @property
    def asked_since(self) -> datetime | None:
        """Return where DAP is asked to begin: a little earlier after it had nothing new.

        DAP answers an equal question with the same job for a day, so with the same nothing.
        """
        if self.since is None:
            return None
        overlap_s = 1 + self.empty % _OVERLAPS if self.empty and not self.under_way else 0
        return moment_of(self.since) - timedelta(seconds=overlap_s)

    @property
    def under_way(self) -> bool:
        """Tell whether some of a window is published and not all."""
        return self.until is not None

    def key_in(self, part: int) -> Key | None:
        """Return the last key of a part that is published; None if none is."""
        return tuple(self.after) if part == self.part and self.after is not None else None

    def reached(self, part: int, after: Key, rows: int) -> "DapCursor":
        """Return the cursor after so many more rows of a part."""
        position = rows + (self.position if part == self.part else 0)
        return replace(self, part=part, after=after, position=position)

    def finished(self, next_at: int) -> "DapCursor":
        """Return the cursor behind the window under way."""
        return replace(
            self,
            since=self.until,
            until=None,
            job=None,
            part=BEGINNING,
            after=None,
            position=0,
            empty=self.empty + 1 if self.since == self.until else 0,
            windows=self.windows + (self.since != self.until),
            next_at=next_at,
        )

    def skipping_to(self, since: datetime) -> "DapCursor":
        """Return the cursor at a later instant; what lies between is lost."""
        gap = (self.since or "", iso(since))
        return replace(
            self.finished(0),
            since=iso(since),
            windows=self.windows,
            next_at=None,
            gaps=(*self.gaps, gap)[-_GAPS:],
        )


def iso(moment: datetime) -> str:
    """Return an instant as DAP writes it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def moment_of(text: str) -> datetime:
    """Return the instant of a cursor's text."""
    return datetime.fromisoformat(text)


def micros_of(text: str) -> int:
    """Return the instant of a cursor's text in microseconds."""
    moment = moment_of(text)
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond
