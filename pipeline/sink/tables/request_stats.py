"""Request statistics per minute, dimension and key: the highest version counts."""

from typing import Final

from pipeline.domain import topics
from pipeline.sink.people_in_signals import people_in_signals, signals_of_people
from pipeline.sink.tables.table import Expiry, Table

REQUEST_STATS: Final = Table(
    topic=topics.REQUEST_STATS,
    name="request_stats",
    expiry=Expiry("`minute`", "results"),
    of_person=signals_of_people("members"),
    people_in=people_in_signals("members"),
)
