"""Anomalies: the highest version of (fingerprint, episode) counts. Few rows, kept for ever."""

from typing import Final

from pipeline.domain import topics
from pipeline.sink.people_in_signals import people_in_signals, signals_of_people
from pipeline.sink.tables.table import Table

ANOMALIES: Final = Table(
    topic=topics.ANOMALIES,
    name="anomalies",
    of_person=signals_of_people("contributing_keys"),
    people_in=people_in_signals("contributing_keys"),
)
