"""Requests and people to forget; every view excludes them. Kept for ever."""

from typing import Final

from pipeline.domain import topics
from pipeline.sink.tables.table import Table

ERASURES: Final = Table(topic=topics.ERASURES, name="erasures")
