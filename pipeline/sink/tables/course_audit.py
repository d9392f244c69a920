"""Course Audit events. Of several copies of one event the first published stays."""

from typing import Final

from pipeline.domain import topics
from pipeline.sink.tables.table import Expiry, Table

COURSE_AUDIT: Final = Table(
    topic=topics.COURSE_AUDIT,
    name="course_audit",
    expiry=Expiry("toStartOfHour(created_at)", "raw"),
    positions=True,
    of_request="page_view_id IN {request_texts}",
    request_in="page_view_id",
    of_person="user_id IN {people}",
    people_in="[user_id]",
)
