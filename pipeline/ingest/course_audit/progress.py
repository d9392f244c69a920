"""What was read and not yet published, and what goes with it into one transaction."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl
from yarl import URL

from pipeline.codecs.avro import decode_one
from pipeline.codecs.completeness import Hour, by_hour, hour_of
from pipeline.codecs.course_audit import AuditPage, with_audit_agent_columns
from pipeline.codecs.dead_letters import dead_letters
from pipeline.codecs.keys import SEPARATOR
from pipeline.codecs.marks import Mark
from pipeline.domain.bad_record import BadRecord
from pipeline.domain.feeds import COURSE_AUDIT
from pipeline.domain.topics import COURSE_AUDIT as TOPIC
from pipeline.domain.topics import DEAD_LETTERS, INGEST_CURSORS
from pipeline.engine.stage import Block, MarkBlock
from pipeline.ingest.bad_limit import BadLimit
from pipeline.ingest.course_audit.options import AuditOptions
from pipeline.ingest.course_audit.round import Round, read_round
from pipeline.ingest.course_audit.seen import SeenEvents
from pipeline.ingest.course_audit.windows import Window
from pipeline.ingest.encoding import BlockEncoder
from pipeline.ingest.tools import AgentTools

AGENT: Final = "course_audit"
SOURCE: Final = "course-audit"

_ROUND: Final = "round"
_LISTED: Final = "listed"
_SLOT: Final = "seen-"
_POSITION_S: Final = 60.0
"""How old an unwritten position may get while nothing happens: so much is asked again."""


@dataclass(slots=True)
class Progress:
    """Rows and bad events gathered since the last transaction, and where the agent stands.

    ``listed`` are the accounts or courses of the last round that was done.
    """

    tools: AgentTools
    options: AuditOptions
    encoder: BlockEncoder
    round: Round | None = None
    seen: SeenEvents = field(default_factory=SeenEvents)
    listed: set[int] = field(default_factory=set)
    _written: set[int] = field(default_factory=set)
    _rows: list[pl.DataFrame] = field(default_factory=list)
    _bad: list[BadRecord] = field(default_factory=list)
    _repeated: Counter[Hour] = field(default_factory=Counter)
    _limit: BadLimit = field(default_factory=BadLimit)
    _since_s: float | None = None
    _flushed_s: float = 0.0

    def add(self, page: AuditPage, subject: int, window: Window) -> None:
        """Take what is new on a page; raise TooManyBadRecords."""
        if not page.read:
            return
        counts = self.tools.figures.rows
        new = []
        for event, at in zip(page.rows["id"], page.rows["created_at"], strict=True):
            identity = event.replace("-", "")
            new.append(identity not in self.seen)
            if new[-1]:
                self.seen.add(identity, subject, at)
        rows = page.rows.filter(pl.Series(new, dtype=pl.Boolean))
        bad = []
        for one in page.bad:
            if one.identity not in self.seen:
                self.seen.add(one.identity, subject, window.end if one.at is None else one.at)
                bad.append(one.record)
        self._count_repeated(page, new, len(page.bad) - len(bad))
        counts["read"] += page.read
        counts["duplicates"] += page.read - rows.height - len(bad)
        self._limit.add(rows.height + len(bad), list(enumerate(bad)))
        if rows.height or bad:
            self._rows.append(self._complete(rows, subject))
            self._bad += bad
            self._since_s = self._since_s or asyncio.get_running_loop().time()
        self.tools.figures.waiting = self._waiting

    async def flush_if_due(self) -> None:
        """Publish if there is much, or if it has waited."""
        now_s = asyncio.get_running_loop().time()
        waited_s = 0.0 if self._since_s is None else now_s - self._since_s
        if (
            self._waiting >= self.options.batch_rows
            or waited_s >= self.options.batch_s
            or now_s - self._flushed_s >= _POSITION_S
        ):
            await self.flush()

    async def flush(self, complete_to: int | None = None) -> None:
        """Publish everything in one transaction, with a mark if it is above the last one."""
        if self.round is None:
            return
        rows = pl.concat(self._rows) if self._rows else None
        blocks: list[Block | MarkBlock] = []
        if rows is not None and rows.height:
            blocks.extend(self.encoder.blocks(TOPIC, rows))
        if self._bad:
            blocks.extend(self.encoder.blocks(DEAD_LETTERS, self._letters()))
        blocks.extend(self.encoder.repeated(self._repeated, self.tools.clock()))
        if complete_to is not None and complete_to > (self.round.mark or 0):
            self.round.mark = complete_to
            blocks.extend(self.encoder.marks(TOPIC, Mark(COURSE_AUDIT, complete_to)))
        blocks.extend(self.encoder.blocks(INGEST_CURSORS, self._cursors()))
        await self.tools.publisher.publish(blocks)
        self._published(rows)

    @property
    def _waiting(self) -> int:
        return sum(frame.height for frame in self._rows) + len(self._bad)

    def _published(self, rows: pl.DataFrame | None) -> None:
        figures = self.tools.figures
        if rows is not None and rows.height:
            figures.rows["published"] += rows.height
            figures.saw(int(rows["created_at"].max()))  # type: ignore[arg-type]
        figures.rows["dead"] += len(self._bad)
        self._rows, self._bad, self._repeated, self._since_s = [], [], Counter(), None
        self._written = set(self.listed)
        self._flushed_s = asyncio.get_running_loop().time()
        figures.waiting = 0
        if self.round is not None:
            figures.mark = self.round.mark
            self.seen.prune(self.round)

    def _count_repeated(self, page: AuditPage, new: list[bool], bad: int) -> None:
        """Count events that are known, bad ones in the hour of their reading, as dead letters."""
        known = page.rows["created_at"].to_numpy()[~np.array(new, np.bool_)]
        self._repeated += by_hour(COURSE_AUDIT, known)
        if bad:
            self._repeated[COURSE_AUDIT, hour_of(self.tools.clock())] += bad

    def _complete(self, rows: pl.DataFrame, subject: int) -> pl.DataFrame:
        options = self.options
        host, of_account = URL(options.url).host or "", options.courses is None
        return with_audit_agent_columns(
            rows,
            source=f"{host}/accounts/{subject}" if of_account else f"{host}/courses",
            account_id=subject if of_account else None,
            root_account_id=options.root_account_id,
            ingested_at=self.tools.clock(),
        )

    def _letters(self) -> pl.DataFrame:
        return dead_letters(
            self._bad,
            source=SOURCE,
            feed=COURSE_AUDIT,
            happened_at=self.tools.clock(),
            record_limit=self.options.record_limit,
            seal=self.tools.protection.seal,
        )

    def _cursors(self) -> pl.DataFrame:
        assert self.round is not None  # noqa: S101 - flush has seen to it
        states = {_ROUND: self.round.to_json()}
        if (taken := self.seen.take(self.round.number)) is not None:
            states[f"{_SLOT}{taken[0]}"] = taken[1]
        if self.listed != self._written and self.options.courses is None:
            states[_LISTED] = json.dumps(sorted(self.listed), separators=(",", ":"))
        return pl.DataFrame(
            {
                "agent": [AGENT] * len(states),
                "subject": list(states),
                "state": list(states.values()),
                "updated_at": [self.tools.clock()] * len(states),
            },
            schema_overrides={"updated_at": pl.Int64},
        )


async def load_progress(tools: AgentTools, options: AuditOptions) -> Progress:
    """Return what the agent left behind."""
    progress = Progress(
        tools,
        options,
        BlockEncoder(tools.schemas, tools.publisher, tools.protection),
        _limit=BadLimit(options.max_bad_share),
        _flushed_s=asyncio.get_running_loop().time(),
    )
    prefix = f"{AGENT}{SEPARATOR}".encode()
    for key, value in (await tools.cursors.read(INGEST_CURSORS.name)).items():
        if not key.startswith(prefix):
            continue
        record = decode_one(tools.schemas, value)
        state: Any = json.loads(record["state"])
        if record["subject"] == _ROUND:
            progress.round = read_round(state)
        elif record["subject"] == _LISTED and options.courses is None:
            progress.listed = set(state)
        elif record["subject"].startswith(_SLOT):
            progress.seen.load(int(record["subject"].removeprefix(_SLOT)), state)
    progress._written = set(progress.listed)  # noqa: SLF001 - of this module
    if progress.round is not None:
        progress.seen.prune(progress.round)
    return progress
