"""What operators did with dead letters. Few rows, kept for ever: nothing is replayed twice."""

from typing import Final

from pipeline.domain import topics
from pipeline.sink.tables.table import Table

DEAD_LETTER_ACTIONS: Final = Table(topic=topics.DEAD_LETTER_ACTIONS, name="dead_letter_actions")
