"""A task around ``Sessions``: delivers what it takes to an output, and can start anew from it."""

from collections.abc import Iterable
from typing import Any

import polars as pl

from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.feeds import LIVE_EVENTS, WEB_LOGS
from pipeline.sessionize.sessions import PACK_FROM, Sessions
from tests.support.event_rows import Row, event_batch
from tests.support.strategies import Step

IDENTITY = ("session_id", "start")


class SessionRun:
    """Holds the output (records with ``_offset``) and the watermarks, as transactions would."""

    def __init__(self, rules: EventTimeRules, *, pack_from: int = PACK_FROM) -> None:
        self.rules = rules
        self.pack_from = pack_from
        self.sessions = self._anew()
        self.output: list[pl.DataFrame] = []
        self.next_offset = 0
        self.version = 0
        self.oldest: int | None = None
        self.watermark = -(1 << 50)
        self.fastest = -(1 << 50)
        self._undelivered: int | None = None

    def _anew(self) -> Sessions:
        return Sessions(self.rules, pack_from=self.pack_from)

    def add(self, rows: Iterable[Row]) -> None:
        rows = list(rows)
        for feed in (WEB_LOGS, LIVE_EVENTS):
            own = [row for row in rows if row.feed == feed]
            if own:
                self.sessions.add(feed, event_batch(own))

    def advance(self, watermark: int, fastest: int | None = None) -> None:
        self.watermark = max(self.watermark, watermark)
        self.fastest = max(self.fastest, fastest or watermark, self.watermark)
        feeds = {WEB_LOGS: self.watermark, LIVE_EVENTS: self.fastest}
        self.sessions.advance(feeds, self.watermark)

    def take(self) -> list[dict[str, Any]]:
        """Publish what is pending; a transaction marker lies before each publication.

        Every other publication is delivered only before the next one: rows may come meanwhile.
        """
        self._deliver()
        if not self.sessions.pending():
            return []
        self.version += 1
        frame = self.sessions.take(self.version)
        assert not frame.select(IDENTITY).is_duplicated().any()
        self.oldest = self.sessions.oldest_output()
        self.next_offset += 1
        offsets = pl.int_range(self.next_offset, self.next_offset + frame.height, eager=True)
        self._undelivered = self.next_offset
        if self.version % 2:
            self._deliver()
        self.output.append(frame.with_columns(offsets.alias("_offset")))
        self.next_offset += frame.height
        return frame.to_dicts()

    def _deliver(self) -> None:
        if self._undelivered is not None:
            self.sessions.delivered(self._undelivered)
            self._undelivered = None

    def restart(self, chunk: int = 7, *, compacted: bool = False) -> None:
        """Forget everything and restore it from the output since the oldest offset needed."""
        self.take()
        self.sessions = self._anew()
        self._undelivered = None
        if self.oldest is not None:
            frame = pl.concat(self.output).filter(pl.col("_offset") >= self.oldest)
            if compacted:
                frame = frame.unique(IDENTITY, keep="last").sort("_offset")
            for part in frame.iter_slices(chunk):
                self.sessions.restore(part)
        self.sessions.advance({WEB_LOGS: self.watermark, LIVE_EVENTS: self.fastest}, self.watermark)

    def close(self, largest: int) -> None:
        self.advance(self.rules.closing(largest))
        self.take()

    def current(self) -> dict[tuple[str, int], dict[str, Any]]:
        """Return what a table that keeps the highest version shows, without ``version``."""
        shown: dict[tuple[str, int], dict[str, Any]] = {}
        for frame in self.output:
            for record in frame.to_dicts():
                key = record["session_id"], record["start"]
                if key not in shown or shown[key]["version"] <= record["version"]:
                    shown[key] = record
        hidden = ("version", "_offset")
        return {
            key: {name: value for name, value in record.items() if name not in hidden}
            for key, record in shown.items()
            if record["status"] != "withdrawn"
        }


def run_all(
    rows: list[Row], rules: EventTimeRules, steps: list[Step], *, pack_from: int = PACK_FROM
) -> SessionRun:
    """Run rows in their order through the steps and to the end; nothing is ever late."""
    run = SessionRun(rules, pack_from=pack_from)
    left = list(rows)
    for step in steps:
        run.add(left[: step.rows])
        left = left[step.rows :]
        if step.advance:
            oldest = min((row.time for row in left), default=max(row.time for row in rows))
            limit = oldest + rules.gap + rules.allowed_lateness
            run.advance(limit, limit + rules.gap)
        if step.take:
            run.take()
        if step.restore:
            run.restart(compacted=step.advance)
    run.add(left)
    run.close(max(row.time for row in rows))
    return run
