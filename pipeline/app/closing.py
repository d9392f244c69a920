"""The mark that ends the data, in one transaction with the agents' own marks."""

from collections.abc import Sequence
from typing import Final

from pipeline.codecs.marks import Mark, mark_headers
from pipeline.codecs.schemas import Schemas
from pipeline.domain.feeds import COURSE_AUDIT, LIVE_EVENTS, WEB_LOGS, Feed
from pipeline.domain.topics import INGEST_CURSORS
from pipeline.engine.sessionize_task import INPUTS
from pipeline.engine.stage import Block, MarkBlock
from pipeline.ingest import course_audit_files, live_event_files, web_log_files
from pipeline.ingest.clock import Clock
from pipeline.ingest.cursors import FileCursor, load_cursors
from pipeline.ingest.dap import cursor as dap_cursor
from pipeline.ingest.dap.cursor import DapCursor
from pipeline.ingest.encoding import BlockEncoder
from pipeline.ingest.publisher import CursorSource, Publisher

_AGENTS: Final[dict[Feed, tuple[tuple[str, type[FileCursor | DapCursor]], ...]]] = {
    WEB_LOGS: ((web_log_files.AGENT, FileCursor), (dap_cursor.AGENT, DapCursor)),
    LIVE_EVENTS: ((live_event_files.AGENT, FileCursor),),
    COURSE_AUDIT: ((course_audit_files.AGENT, FileCursor),),
}
"""Agents that remember their marks, and what their cursors are.

Live Events over HTTPS or SQS and the Course Audit log mark by the clock, and a mark that is further
back than the watermark moves nothing.
"""


async def publish_closing(
    at: int,
    feeds: Sequence[Feed],
    *,
    publisher: Publisher,
    cursors: CursorSource,
    schemas: Schemas,
    clock: Clock,
) -> None:
    """Publish the mark ``at`` to every partition of the feeds, and tell the agents of it.

    An agent that did not know of it would publish files behind it as if they were in time, and
    marks that go back (semantics rule 17); one that runs meanwhile learns of it at its next start.
    Raises what the publisher raises.
    """
    encoder = BlockEncoder(schemas, publisher)
    blocks: list[Block | MarkBlock] = []
    for feed in feeds:
        if feed not in INPUTS:
            continue
        topic = INPUTS[feed].name
        headers = mark_headers(Mark(feed, at))
        blocks += [
            MarkBlock(topic, number, headers) for number in range(publisher.partitions(topic))
        ]
        for agent, kind in _AGENTS.get(feed, ()):
            book = await load_cursors(cursors, schemas, agent, kind)
            if book.raises(at):
                book.mark = at
                blocks += encoder.blocks(INGEST_CURSORS, book.records({}, clock()))
    await publisher.publish(blocks)
