"""How rows of a feed lie on the spool: as columns, or encoded as far as they are known."""

from collections.abc import Iterator

import polars as pl

from pipeline.codecs.open_values import OpenValues, is_open
from pipeline.codecs.schemas import Schemas
from pipeline.ingest.content import Content
from pipeline.ingest.encoding import KEYS
from pipeline.ingest.file_feed import FileFeed, Portion
from pipeline.ingest.options import FileAgentOptions


class RowForm:
    """Rows on their way to the spool and from it, of a feed and under options."""

    def __init__(self, feed: FileFeed, schemas: Schemas, options: FileAgentOptions) -> None:
        self.feed = feed
        self.options = options
        self._open: OpenValues | None = None
        if feed.late:
            schema = feed.topic.schema
            self._open = OpenValues(schemas.named(schema), schemas.id_of(schema), feed.late)

    def read(self, content: Content, judged_at: int) -> Iterator[Portion]:
        """Give the portions of a content; rows that are to be protected must be columns."""
        feed, options = self.feed, self.options
        if self._open is None or feed.read_open is None or options.protection.privacy is not None:
            return feed.read(content, judged_at, options)
        return feed.read_open(content, judged_at, options, self._open)

    def spooled(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows as they are kept; what is encoded is protected before."""
        if self._open is None or rows.is_empty() or is_open(rows):
            return rows
        rows = self.options.protection.applied(rows)
        return self._open.of_rows(rows, KEYS[self.feed.topic.name], self.feed.time)

    def complete(self, rows: pl.DataFrame, source: str, ingested_at: int) -> pl.DataFrame:
        """Return kept rows as they are published, with what only the agent knows."""
        if self._open is None:
            return self.feed.complete(rows, source, self.options, ingested_at)
        one = rows.select(self.feed.time).head(1)
        late = self.feed.complete(one, source, self.options, ingested_at)
        rows = self._open.with_late(rows, late)
        return rows.with_columns(pl.lit(ingested_at, pl.Int64).alias("ingested_at"))
