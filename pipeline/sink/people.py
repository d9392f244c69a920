"""What the tables hold of a person, and leaving it out of what is computed again."""

from collections.abc import Sequence

from clickhouse_connect.driver.client import Client

from pipeline.codecs.schemas import Schemas
from pipeline.domain.event_time import HOUR
from pipeline.sink.erasing import of_people
from pipeline.sink.queries import query
from pipeline.sink.recorded import SOURCES, Erasures, Recorded
from pipeline.sink.selections import Selection


def rows_of(client: Client, people: Sequence[int]) -> dict[str, int]:
    """Return how many rows of each store are theirs, copies included."""
    return {
        store: int(
            query(client, f"SELECT count() FROM {store} WHERE {condition}").rows[0][0]  # noqa: S608 - ours
        )
        for store, condition in of_people(people)
    }


def hours_of(client: Client, people: Sequence[int]) -> list[int]:
    """Return the hours (microseconds) in which they have rows of feeds that make sessions."""
    hours: set[int] = set()
    for source in SOURCES.values():
        statement = (
            f"SELECT DISTINCT intDiv(toUnixTimestamp64Micro({source.time}), {HOUR})"  # noqa: S608 - ours
            f" FROM {source.view} WHERE {_theirs(people)}"
        )
        hours |= {int(hour) * HOUR for (hour,) in query(client, statement).rows}
    return sorted(hours)


def without(people: Sequence[int]) -> Selection:
    """Return all rows but theirs."""
    return Selection(rows=f"NOT ({_theirs(people)})")


class Forgetting(Recorded):
    """What is recorded, as if ``rows`` requests and events of one person were erased already."""

    def __init__(self, client: Client, schemas: Schemas, rows: int) -> None:
        super().__init__(client, schemas)
        self._forgotten = rows

    def erasures(self) -> Erasures:
        """Return how many erasures were ordered, this one among them."""
        requests, people = super().erasures()
        return Erasures(requests + self._forgotten, people + 1)


def _theirs(people: Sequence[int]) -> str:
    listed = ", ".join(map(str, people))
    return f"ifNull(user_id, 0) IN ({listed}) OR ifNull(real_user_id, 0) IN ({listed})"
