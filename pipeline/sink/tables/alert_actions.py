"""What somebody decided about alerts. Few rows, every one kept: who did what, when and why."""

from typing import Final

from pipeline.domain import topics
from pipeline.sink.tables.table import Table

ALERT_ACTIONS: Final = Table(topic=topics.ALERT_ACTIONS, name="alert_actions")
