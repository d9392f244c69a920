"""Anomalies: the highest version of (fingerprint, episode) counts. Few rows, kept for ever."""

from typing import Final

from pipeline.domain import topics
from pipeline.sink.tables.table import Table

ANOMALIES: Final = Table(
    topic=topics.ANOMALIES,
    name="anomalies",
    of_person=(
        "dimension = 'masquerader' AND (toInt64OrZero(`key`) IN {people}"
        " OR hasAny(arrayMap(other -> toInt64OrZero(other), contributing_keys), {people_array}))"
    ),
)
