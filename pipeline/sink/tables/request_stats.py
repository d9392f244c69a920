"""Request statistics per minute, dimension and key: the highest version counts.

Only the dimension ``masquerader`` has people as keys and members.
"""

from typing import Final

from pipeline.domain import topics
from pipeline.sink.tables.table import Expiry, Table

REQUEST_STATS: Final = Table(
    topic=topics.REQUEST_STATS,
    name="request_stats",
    expiry=Expiry("`minute`", "results"),
    of_person=(
        "dimension = 'masquerader' AND (toInt64OrZero(`key`) IN {people}"
        " OR hasAny(arrayMap(member -> toInt64OrZero(member), members), {people_array}))"
    ),
)
