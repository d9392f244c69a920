"""Deleting what is to be forgotten.

The views exclude it from the moment its erasure is in ClickHouse; this removes it from the disk
(lightweight DELETE). Repeating it changes nothing. A row that comes after its erasure is removed
by the next sweep.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from pipeline.sink.destination import Destination
from pipeline.sink.tables import STORES, TABLES
from pipeline.sink.tables.late_rows import LATE_ROWS
from pipeline.sink.tables.table import Table

_PER_STATEMENT: Final = 500

REQUEST: Final = "request"
PERSON: Final = "person"


class Forgotten(NamedTuple):
    """Ids to forget: requests as canonical texts, people as numbers."""

    requests: list[str]
    people: list[int]


def subjects(pairs: Iterable[tuple[str, str]]) -> Forgotten:
    """Sort pairs of kind and subject; what is no id has nothing to be deleted and is left out."""
    requests: set[str] = set()
    people: set[int] = set()
    for kind, subject in pairs:
        try:
            if kind == REQUEST:
                requests.add(str(uuid.UUID(subject)))
            elif kind == PERSON:
                people.add(int(subject))
        except ValueError:
            continue
    return Forgotten(sorted(requests), sorted(people - {0}))


async def forget(
    destination: Destination, forgotten: Forgotten, stores: Collection[str] = STORES
) -> None:
    """Delete every row of these requests and people from these tables."""
    # People first: a row that goes as a request's may be what says whose a late row is.
    for start in range(0, len(forgotten.people), _PER_STATEMENT):
        for store, condition in of_people(forgotten.people[start : start + _PER_STATEMENT]):
            if store in stores:
                await _delete(destination, store, condition)
    for requests in _parts([f"'{request}'" for request in forgotten.requests]):
        texts = f"({requests})"
        for store, condition in _conditions(REQUEST):
            if store in stores:
                filled = condition.format(requests=texts, request_texts=texts)
                await _delete(destination, store, filled)


async def sweep(destination: Destination) -> None:
    """Delete rows that arrived after their erasure; asks first, because there rarely are any.

    Asks each table whose they are and deletes theirs alone: however much was erased before, a
    sweep writes no more than what came late.
    """
    left: dict[str, list[tuple[str, str]]] = {}
    for table in TABLES:
        for store in table.stores:
            for kind, question in _questions(table, store):
                found = await destination.query(question, f"looking for erased rows in {store}")
                left.setdefault(store, []).extend((kind, subject) for (subject,) in found)
    for store, late in left.items():
        await forget(destination, subjects(late), {store, LATE_ROWS.store})


def of_people(people: Sequence[int]) -> list[tuple[str, str]]:
    """Return, for every store that may hold them, the condition under which a row is theirs."""
    listed = ", ".join(map(str, people))
    return [
        (store, condition.format(people=f"({listed})")) for store, condition in _conditions(PERSON)
    ]


async def _delete(destination: Destination, store: str, condition: str) -> None:
    statement = f"DELETE FROM {store} WHERE {condition}"  # noqa: S608 - ids checked by subjects()
    await destination.command(statement, f"an erasure from {store}")


def _questions(table: Table, store: str) -> Iterator[tuple[str, str]]:
    """Return the kinds of subjects that rows of a store name, and queries for the erased ones."""
    if table.of_request is not None:
        condition = table.of_request.format(
            requests="(SELECT id FROM erased_requests)",
            request_texts="(SELECT request_id FROM erased_requests)",
        )
        requests = f"SELECT DISTINCT toString({table.request_in}) FROM {store}"  # noqa: S608 - no input in it
        yield REQUEST, f"{requests} WHERE {condition}"
    if table.people_in is not None:
        # Not of_person: it tells that a row is somebody's, not whose.
        people = f"SELECT arrayJoin({table.people_in}) AS person FROM {store}"  # noqa: S608 - nor here
        yield (
            PERSON,
            (
                f"SELECT DISTINCT toString(person) FROM ({people})"  # noqa: S608 - nor here
                " WHERE person IN (SELECT user_id FROM erased_people)"
            ),
        )


def _conditions(kind: str) -> list[tuple[str, str]]:
    # Results and late rows before the feeds' rows, which say whose the late rows are.
    found = (
        (store, table.of_request if kind == REQUEST else table.of_person)
        for table in reversed(TABLES)
        for store in table.stores
    )
    return [(store, condition) for store, condition in found if condition is not None]


def _parts(literals: Sequence[str]) -> list[str]:
    return [
        ", ".join(literals[start : start + _PER_STATEMENT])
        for start in range(0, len(literals), _PER_STATEMENT)
    ]
