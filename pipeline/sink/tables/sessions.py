"""Sessions: the highest version of (session id, start) counts; a withdrawn one is gone."""

from typing import Final

from pipeline.domain import topics
from pipeline.sink.tables.table import Expiry, Table

SESSIONS: Final = Table(
    topic=topics.SESSIONS,
    name="sessions",
    expiry=Expiry("start", "results"),
    of_person=(
        "actor IN {people} OR arrayExists(person -> person IN {people}, users)"
        " OR arrayExists(person -> person IN {people}, masquerade_targets)"
    ),
    people_in="arrayConcat([ifNull(actor, 0)], users, masquerade_targets)",
)
