"""A feed that comes in files: what the agents of such feeds do not share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from pipeline.codecs.open_values import OpenValues
from pipeline.domain.bad_record import BadRecord
from pipeline.domain.feeds import Feed
from pipeline.domain.topics import Topic
from pipeline.ingest.content import Content
from pipeline.ingest.options import FileAgentOptions


class Portion(NamedTuple):
    """What was read together: read = rows + erasures + bad.

    ``bad`` has with each record its position among those read; ``erasures`` has the columns of
    erasure.avsc.
    """

    rows: pl.DataFrame
    erasures: pl.DataFrame
    bad: list[tuple[int, BadRecord]]

    @property
    def read(self) -> int:
        """Return how many records were read."""
        return self.rows.height + self.erasures.height + len(self.bad)


@dataclass(frozen=True, slots=True)
class FileFeed:
    """How files of a feed are read, and what they are published as.

    ``agent`` names the cursors, ``source_prefix`` the source of dead letters, ``time`` the column
    of event time. ``read`` gives the portions of a content, judged as of an instant; the same
    content must always give the same rows in the same order. ``complete`` adds the columns that
    only the agent knows: from rows, the name of their file, options and the instant of publishing.
    ``late`` names these columns if rows are encoded for the spool as they are read; if it is empty
    they lie there as columns. ``read_open`` is ``read`` where it can give rows encoded at once.
    """

    agent: str
    feed: Feed
    topic: Topic
    source_prefix: str
    time: str
    read: Callable[[Content, int, FileAgentOptions], Iterator[Portion]]
    complete: Callable[[pl.DataFrame, str, FileAgentOptions, int], pl.DataFrame]
    late: tuple[str, ...] = ()
    read_open: Callable[[Content, int, FileAgentOptions, OpenValues], Iterator[Portion]] | None = (
        None
    )
