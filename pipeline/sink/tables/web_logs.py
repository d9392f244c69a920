"""Requests. A correction replaces the row of the same id: the last commit wins (rule 22).

The first copy stays in a shadow: what sessions and minutes are recomputed from.
"""

from typing import Final

from pipeline.domain import topics
from pipeline.sink.tables.table import Expiry, Table

WEB_LOGS: Final = Table(
    topic=topics.WEB_LOGS,
    name="web_logs",
    expiry=Expiry("toStartOfHour(`timestamp`)", "raw"),
    positions=True,
    of_request="id IN {requests}",
    request_in="id",
    of_person="user_id IN {people} OR real_user_id IN {people}",
    people_in="[user_id, real_user_id]",
    shadows=("web_logs_first_store",),
)
