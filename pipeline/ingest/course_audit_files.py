"""The agent for files of saved pages of the Course Audit log: a JSON document a page.

They are what the API answers (``{"events": […], "linked": {…}}``), a page a line or over several
lines; so a log that was saved before it expired can be published and replayed.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

import polars as pl

from pipeline.codecs.course_audit import (
    SCHEMA,
    NotAuditPage,
    PageOrigin,
    read_audit_page,
    with_audit_agent_columns,
)
from pipeline.codecs.dead_letters import CutRecord
from pipeline.domain import topics
from pipeline.domain.bad_record import BadRecord
from pipeline.domain.feeds import COURSE_AUDIT
from pipeline.ingest.content import Content
from pipeline.ingest.file_agent import ingest_files_of
from pipeline.ingest.file_feed import FileFeed, Portion
from pipeline.ingest.formats import check_live_event_file
from pipeline.ingest.live_event_values import live_event_values
from pipeline.ingest.options import FileAgentOptions

AGENT: Final = "course_audit_files"
_TIME: Final = "created_at"


def _read(content: Content, judged_at: int, options: FileAgentOptions) -> Iterator[Portion]:
    """Give the events page by page; a page that is none is one bad record."""
    check_live_event_file(content.path)
    for value in live_event_values(content):
        if isinstance(value, CutRecord):
            yield Portion(_NO_EVENTS, _NONE, [(0, value)])
            continue
        origin = PageOrigin(value.location, judged_at, options.home_shard, options.record_limit)
        try:
            page = read_audit_page(value.payload, origin)
        except NotAuditPage as error:
            bad = BadRecord(value.location, "json", str(error), "NotAuditPage", value.payload)
            yield Portion(_NO_EVENTS, _NONE, [(0, bad)])
            continue
        yield Portion(page.rows, _NONE, [(each.position, each.record) for each in page.bad])


def _complete(
    rows: pl.DataFrame, source: str, options: FileAgentOptions, ingested_at: int
) -> pl.DataFrame:
    return with_audit_agent_columns(
        rows.sort(_TIME, maintain_order=True),
        source=source,
        account_id=None,
        root_account_id=options.root_account_id,
        ingested_at=ingested_at,
    )


_NONE: Final = pl.DataFrame()
_NO_EVENTS: Final = pl.DataFrame(schema={**SCHEMA, "truncated": pl.Boolean})
_FEED: Final = FileFeed(
    agent=AGENT,
    feed=COURSE_AUDIT,
    topic=topics.COURSE_AUDIT,
    source_prefix="course-audit-files",
    time=_TIME,
    read=_read,
    complete=_complete,
)

ingest_course_audit_files: Final = partial(ingest_files_of, _FEED)
"""Publish files of saved pages, as ``ingest_files_of`` says."""
