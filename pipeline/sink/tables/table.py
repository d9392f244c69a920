"""What the sink knows about one table."""

from dataclasses import dataclass

from pipeline.domain.topics import Topic
from pipeline.sink.retention import Keep


@dataclass(frozen=True, slots=True)
class Expiry:
    """When rows go: ``age_of`` is a SQL expression of the identity alone, ``keep`` how long.

    Of the identity alone, because a row that expired by something else could outlive, or die
    before, the copy that replaces it.
    """

    age_of: str
    keep: Keep


@dataclass(frozen=True, slots=True)
class Table:
    """A topic's table: ``name`` is the view that people read, ``store`` what the sink fills.

    ``positions``: the store keeps each row's Kafka partition and offset.
    ``of_request`` and ``of_person`` are the conditions, in SQL, under which a row belongs to a
    request or a person to be forgotten; the view excludes the same rows. In them ``{requests}``
    stands for a set of UUIDs (right of IN), ``{request_texts}`` for the same as texts and
    ``{people}`` for a set of user ids.
    ``request_in`` is the SQL expression of a row's request, ``people_in`` that of an array of its
    people; None: a row does not say it.
    ``shadows`` are stores that ClickHouse itself fills with every insert; they have the columns
    of these conditions, and their rows expire and are forgotten with those of the store.
    """

    topic: Topic
    name: str
    expiry: Expiry | None = None
    positions: bool = False
    of_request: str | None = None
    request_in: str | None = None
    of_person: str | None = None
    people_in: str | None = None
    shadows: tuple[str, ...] = ()

    @property
    def store(self) -> str:
        """Name of the table under the view."""
        return f"{self.name}_store"

    @property
    def stores(self) -> tuple[str, ...]:
        """All tables that hold its rows."""
        return (self.store, *self.shadows)
