"""Live Events. Of several copies of one event the first published stays."""

from typing import Final

from pipeline.domain import topics
from pipeline.sink.tables.table import Expiry, Table

LIVE_EVENTS: Final = Table(
    topic=topics.LIVE_EVENTS,
    name="live_events",
    expiry=Expiry("toStartOfHour(event_time)", "raw"),
    positions=True,
    of_request="request_id IN {request_texts}",
    request_in="request_id",
    of_person="user_id IN {people} OR real_user_id IN {people}",
    people_in="[user_id, real_user_id]",
)
