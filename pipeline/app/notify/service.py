"""``notify`` at work: the topic of alerts in, messages out, offsets committed behind them.

A record is committed when every channel has taken it or given it up for good; so a process that
is killed tells again what it may not have told, under the same dedup key, and leaves nothing out.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from pipeline.app.notify.acting import decoded
from pipeline.app.notify.book import SEVERITIES, Book, Change, Entry, Kind
from pipeline.app.notify.channels import Lane
from pipeline.app.notify.manager_lane import ManagerLane
from pipeline.app.notify.notices import Notice
from pipeline.codecs.avro import Unreadable, decode_one
from pipeline.codecs.chunk import Record
from pipeline.codecs.schemas import Schemas
from pipeline.domain.alerts import Decisions
from pipeline.domain.topics import ANOMALIES
from pipeline.kafka.following import TopicFollower, TopicTail

POLL_S: Final = 0.5
MICROS: Final = 1_000_000
MS: Final = 1_000
_ONCE_TOLD: Final[frozenset[Kind]] = frozenset({"resolved", "revised", "settled", "retracted"})
"""Changes of no interest to somebody who never heard of the alert."""

_ONCE_ACKED: Final[frozenset[Kind]] = frozenset({"updated", "revised", "settled"})
"""Changes of no interest to somebody who has taken the alert on."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class NotifyFigures:
    """What was counted since the start: records by outcome; ``ready``: all of the topic is read."""

    records: Counter[str] = field(default_factory=Counter)
    ready: bool = False


class Notifying:
    """One process's work; ``clock`` gives microseconds."""

    def __init__(
        self,
        schemas: Schemas,
        clock: Callable[[], int],
        *,
        max_age: int,
        least_severity: str,
        figures: NotifyFigures,
    ) -> None:
        self.book = Book()
        self.decisions = Decisions()
        self.lanes: Sequence[Lane] = ()
        self.managers: Sequence[ManagerLane] = ()
        self.figures = figures
        self._schemas = schemas
        self._clock = clock
        self._max_age_ms = max_age // MS
        self._least = SEVERITIES.index(least_severity)
        self._next: int | None = None
        self._committed: int | None = None

    def sendable(self) -> list[Entry] | None:
        """Return the alerts that are neither silenced nor too mild; None before all are known."""
        if not self.figures.ready:
            return None
        now = self._clock()
        return [entry for entry in self.book if self._loud(entry.record, now)]

    def states(self) -> Mapping[str, int]:
        """Return how many alerts go on, and how many of those are silenced or acknowledged."""
        now = self._clock()
        active = [entry.record for entry in self.book if entry.active]
        return {
            "active": len(active),
            "silenced": sum(self.decisions.silence_of(one, now) is not None for one in active),
            "acknowledged": sum(self.decisions.ack_of(one) is not None for one in active),
        }

    async def run(self, follower: TopicFollower, tail: TopicTail, stopping: asyncio.Event) -> None:
        """Work until ``stopping``. Raises Unavailable, OurMistake."""
        tasks = [asyncio.create_task(lane.run()) for lane in self._every()]
        try:
            while not stopping.is_set():
                await self._step(follower, tail)
                for task in tasks:
                    if task.done():
                        task.result()
        finally:
            self.figures.ready = False
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        # What was delivered while it stopped needs no second delivery.
        await self._commit(follower)

    async def _step(self, follower: TopicFollower, tail: TopicTail) -> None:
        followed = await follower.poll(POLL_S)
        # After the alerts: a silence that was written before one of them is known by then.
        self.decide(await tail.everything())
        if followed.began:
            self.begin()
        for record in followed.records:
            self.take(record, new=record.offset >= followed.new_from)
        for lane in self.lanes:
            await lane.shed()
        self.figures.ready = followed.caught_up
        if self.figures.ready:
            self.tell_of_the_unsilenced()
            self.book.forget(self._clock() // MS)
            for manager in self.managers:
                if manager.waiting:
                    manager.now()
        await self._commit(follower)

    def decide(self, records: Iterable[Record]) -> None:
        """Take actions in the order of their topic."""
        for action in decoded(self._schemas, (record.value for record in records)):
            self.decisions.take(action)

    def begin(self) -> None:
        """Forget everything: the topic comes from its beginning."""
        self.book = Book()
        self._next = self._committed = None
        for lane in self._every():
            lane.forget()

    def take(self, record: Record, *, new: bool) -> None:
        """Take a record of the topic; ``new``: it was never committed."""
        self._next = record.offset + 1
        if record.value is None:
            return
        try:
            alert: Mapping[str, Any] = decode_one(self._schemas, record.value, ANOMALIES.schema)
        except Unreadable as error:
            self.figures.records["unreadable"] += 1
            log.warning("unreadable", topic=ANOMALIES.name, offset=record.offset, why=str(error))
            return
        now_ms = self._clock() // MS
        new = new and now_ms - record.timestamp_ms <= self._max_age_ms
        at_ms = now_ms if new else record.timestamp_ms
        change = self.book.take(alert, at_ms)
        if change is None:
            self.figures.records["repeated"] += 1
        elif not new:
            self.figures.records["known"] += 1
            change.entry.told |= self._loud(alert, at_ms * MS)
        else:
            self._tell(change, record.offset, at_ms * MS)

    def _tell(self, change: Change, offset: int, now: int) -> None:
        entry, kind = change.entry, change.kind
        for manager in self.managers:
            manager.changed(offset)
        if not self._loud(entry.record, now):
            self.figures.records["silenced"] += 1
            return
        if not entry.told and kind != "found":
            if kind in _ONCE_TOLD:
                self.figures.records["untold"] += 1
                return
            kind = "opened"
        entry.told = True
        self.figures.records["told"] += 1
        if kind in _ONCE_ACKED and self.decisions.ack_of(entry.record) is not None:
            return
        self._offer(Notice(kind, entry.record, offset))

    def tell_of_the_unsilenced(self) -> None:
        """Tell of alerts that go on, were silenced when they came, and no longer are."""
        now = self._clock()
        for entry in self.book:
            young = now // MS - entry.first_ms <= self._max_age_ms
            if entry.active and not entry.told and young and self._loud(entry.record, now):
                entry.told = True
                self._offer(Notice("opened", entry.record))

    def _offer(self, notice: Notice) -> None:
        for lane in self.lanes:
            lane.offer(notice)

    def _loud(self, record: Mapping[str, Any], at: int) -> bool:
        severe = SEVERITIES.index(record["severity"]) >= self._least
        return severe and self.decisions.silence_of(record, at) is None

    async def _commit(self, follower: TopicFollower) -> None:
        offset = self.done()
        if offset is not None and offset != self._committed:
            await follower.commit(offset)
            self._committed = offset

    def _every(self) -> list[Lane | ManagerLane]:
        return [*self.lanes, *self.managers]

    def done(self) -> int | None:
        """Return the offset below which every record is delivered or given up."""
        waiting = [lane.oldest_offset for lane in self._every()]
        return min((one for one in (*waiting, self._next) if one is not None), default=None)
