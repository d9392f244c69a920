"""Dead letters read once more with today's codecs; each is published, or discarded, once.

What was done with a letter is a record that goes out in the transaction of its rows. A run reads
these records after it has fenced every other run: so a letter is never replayed twice, however
often, and however cut off, the command is given.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple, Protocol

import polars as pl

from pipeline.codecs.course_audit import (
    NotAuditPage,
    PageOrigin,
    read_audit_page,
    with_audit_agent_columns,
)
from pipeline.codecs.erasures import request_erasures
from pipeline.codecs.live_event_rows import RawEvent, name_given_at, read_live_events
from pipeline.codecs.protection import Protection
from pipeline.codecs.record_limit import DEFAULT_LIMIT
from pipeline.codecs.schemas import Schemas
from pipeline.codecs.web_log_rows import Origin, read_web_logs, with_agent_columns
from pipeline.domain.feeds import COURSE_AUDIT, LIVE_EVENTS, WEB_LOGS
from pipeline.domain.topics import COURSE_AUDIT as AUDIT_TOPIC
from pipeline.domain.topics import DEAD_LETTER_ACTIONS, ERASURES, Topic
from pipeline.domain.topics import LIVE_EVENTS as LIVE_TOPIC
from pipeline.domain.topics import WEB_LOGS as WEB_LOGS_TOPIC
from pipeline.engine.stage import Block, MarkBlock
from pipeline.ingest.clock import Clock
from pipeline.ingest.csv_files import web_logs_of_headed
from pipeline.ingest.encoding import BlockEncoder
from pipeline.ingest.publisher import CursorSource, Publisher

REPLAYED: Final = "replayed"
DISCARDED: Final = "discarded"


class FencingPublisher(Publisher, Protocol):
    """A publisher that is the only one of its transactional id from ``start`` on."""

    async def start(self) -> None:
        """Fence every other publisher of this id."""


class DeadLetter(NamedTuple):
    """What is needed of a letter; ``letter`` is its identity."""

    letter: str
    source: str
    feed: str
    location: str
    payload: bytes
    cut: bool


class Revived(NamedTuple):
    """What a letter is with today's codec: rows of topics, or why it is still dead."""

    frames: list[tuple[Topic, pl.DataFrame]]
    why: str | None = None

    @property
    def rows(self) -> int:
        """Return the number of records."""
        return sum(frame.height for _, frame in self.frames)


@dataclass(slots=True)
class ActionTotals:
    """Letters done now, rows published, letters done before, and why the others are left."""

    done: int = 0
    rows: int = 0
    before: int = 0
    left: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class DeadLetterDesk:
    """Replays and discards; starts the publisher, but for a dry run, which so fences nobody.

    A transaction takes ``at_once`` letters. Each is read by itself, about 4 ms: a bad one costs its
    neighbours nothing.
    """

    publisher: FencingPublisher
    cursors: CursorSource
    schemas: Schemas
    clock: Clock
    home_shard: int | None = None
    root_account_id: int | None = None
    record_limit: int = DEFAULT_LIMIT
    protection: Protection = field(default_factory=Protection)
    at_once: int = 200

    async def replay(self, letters: Iterable[DeadLetter], *, dry_run: bool = False) -> ActionTotals:
        """Publish what today's codecs can read. Raises what the publisher raises."""
        return await self._act(letters, REPLAYED, dry_run=dry_run)

    async def discard(
        self, letters: Iterable[DeadLetter], *, dry_run: bool = False
    ) -> ActionTotals:
        """Write down that nobody wants these. Raises what the publisher raises."""
        return await self._act(letters, DISCARDED, dry_run=dry_run)

    async def _act(
        self, letters: Iterable[DeadLetter], action: str, *, dry_run: bool
    ) -> ActionTotals:
        if not dry_run:
            await self.publisher.start()
        totals = ActionTotals()
        done = {key.decode() for key in await self.cursors.read(DEAD_LETTER_ACTIONS.name)}
        encoder = BlockEncoder(self.schemas, self.publisher, self.protection)
        for portion in _portions(letters, self.at_once):
            actions: list[dict[str, object]] = []
            gathered: dict[str, tuple[Topic, list[pl.DataFrame]]] = {}
            for letter in portion:
                if letter.letter in done:
                    totals.before += 1
                    continue
                revived = self._revived(letter) if action == REPLAYED else Revived([])
                if revived.why is not None:
                    totals.left[revived.why] += 1
                    continue
                done.add(letter.letter)
                totals.done += 1
                totals.rows += revived.rows
                for topic, frame in revived.frames:
                    gathered.setdefault(topic.name, (topic, []))[1].append(frame)
                actions.append(self._action(letter, action, revived.rows))
            if actions and not dry_run:
                await self.publisher.publish(_blocks(encoder, gathered, actions))
        return totals

    def _action(self, letter: DeadLetter, action: str, rows: int) -> dict[str, object]:
        return {
            "letter": letter.letter,
            "action": action,
            "rows": rows,
            "done_at": self.clock(),
        }

    def _revived(self, letter: DeadLetter) -> Revived:
        if letter.cut:
            return Revived([], "it was cut: what is left of it is no record")
        match letter.feed:
            case str(feed) if feed == WEB_LOGS:
                return self._web_log(letter)
            case str(feed) if feed == LIVE_EVENTS:
                return self._live_event(letter)
            case str(feed) if feed == COURSE_AUDIT:
                return self._audit_event(letter)
        return Revived([], f"{letter.feed} is no feed that is read again")

    def _web_log(self, letter: DeadLetter) -> Revived:
        now = self.clock()
        origin = Origin(letter.location, now, self.home_shard, self.record_limit)
        read = web_logs_of_headed(letter.payload, origin)
        if read is None:
            read = read_web_logs([letter.payload], 1, origin)
        if read.bad:
            return Revived([], read.bad[0][1].detail)
        rows = with_agent_columns(read.rows, letter.source, self.root_account_id, now)
        erasures = request_erasures(read.deletes, source=letter.source, ingested_at=now)
        return _revived((WEB_LOGS_TOPIC, rows), (ERASURES, erasures))

    def _live_event(self, letter: DeadLetter) -> Revived:
        now = self.clock()
        raw = RawEvent(letter.payload, letter.location, name_given_at(letter.location))
        rows, bad = read_live_events([raw], now, self.record_limit)
        if bad:
            return Revived([], bad[0][1].detail)
        rows = rows.with_columns(
            pl.lit(now, dtype=pl.Int64).alias("ingested_at"), pl.lit(letter.source).alias("source")
        )
        return _revived((LIVE_TOPIC, rows))

    def _audit_event(self, letter: DeadLetter) -> Revived:
        now = self.clock()
        origin = PageOrigin(letter.location, now, self.home_shard, self.record_limit)
        try:
            page = read_audit_page(letter.payload, origin)
        except NotAuditPage as error:
            return Revived([], str(error))
        if page.bad:
            return Revived([], page.bad[0].record.detail)
        kind, _, number = letter.location.partition("#")[0].partition("/")
        rows = with_audit_agent_columns(
            page.rows,
            source=letter.source,
            account_id=int(number) if kind == "accounts" and number.isdecimal() else None,
            root_account_id=self.root_account_id,
            ingested_at=now,
        )
        return _revived((AUDIT_TOPIC, rows))


def _revived(*frames: tuple[Topic, pl.DataFrame]) -> Revived:
    full = [(topic, frame) for topic, frame in frames if frame.height]
    return Revived(full, None if full else "it holds no record")


def _portions(letters: Iterable[DeadLetter], at_once: int) -> Iterator[list[DeadLetter]]:
    rest = iter(letters)
    while portion := list(islice(rest, at_once)):
        yield portion


def _blocks(
    encoder: BlockEncoder,
    gathered: dict[str, tuple[Topic, list[pl.DataFrame]]],
    actions: list[dict[str, object]],
) -> list[Block | MarkBlock]:
    blocks: list[Block | MarkBlock] = []
    for topic, frames in gathered.values():
        blocks.extend(encoder.blocks(topic, pl.concat(frames)))
    done = pl.DataFrame(actions, schema_overrides={"rows": pl.Int64, "done_at": pl.Int64})
    blocks.extend(encoder.blocks(DEAD_LETTER_ACTIONS, done))
    return blocks
