"""What agents added to each hour; the place in Kafka is the identity, so a repetition is none."""

from typing import Final

from pipeline.domain import topics
from pipeline.sink.tables.table import Expiry, Table

COMPLETENESS: Final = Table(
    topic=topics.COMPLETENESS,
    name="completeness",
    expiry=Expiry("recorded_at", "results"),
    positions=True,
)
