"""Where an agent stands: one cursor per content (files) or table (DAP), one for the mark.

A cursor is written in the transaction of the rows it speaks of, so a killed run neither loses nor
doubles a row.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

import polars as pl

from pipeline.codecs.avro import decode_one
from pipeline.codecs.keys import SEPARATOR
from pipeline.codecs.schemas import Schemas
from pipeline.domain.topics import INGEST_CURSORS
from pipeline.ingest.publisher import CursorSource

_MARK: Final = "mark"


@dataclass(frozen=True, slots=True)
class FileCursor:
    """How far one content is published.

    All parts of its spool before ``part``, and ``position`` rows of that one. ``judged_at`` is the
    instant against which rows were found to be dated in the future: a later run must judge as the
    first one did, or it would count differently. ``packed_size`` is the size of the file on disk,
    by which it is quickly recognised.
    """

    name: str
    packed_size: int
    judged_at: int
    done: bool = False
    part: int = -(1 << 40)
    position: int = 0

    def position_in(self, part: int) -> int | None:
        """Return how many rows of a part are published; None for all."""
        if self.done or part < self.part:
            return None
        return self.position if part == self.part else 0


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


C = TypeVar("C", bound=_Dataclass)


@dataclass(slots=True)
class CursorBook(Generic[C]):
    """The cursors of one agent, as they were read and as this run goes on."""

    agent: str
    files: dict[str, C] = field(default_factory=dict)
    mark: int | None = None

    def raises(self, mark: int) -> bool:
        """Tell whether a mark is above the last one: marks never go back."""
        return self.mark is None or mark > self.mark

    def records(self, files: Mapping[str, C], now: int) -> pl.DataFrame:
        """Return the cursors of these contents, and of the mark, as ingest_cursor.avsc columns."""
        states: dict[str, dict[str, Any]] = {
            subject: asdict(cursor) for subject, cursor in files.items()
        }
        if self.mark is not None:
            states[_MARK] = {"mark": self.mark}
        return pl.DataFrame(
            {
                "agent": [self.agent] * len(states),
                "subject": list(states),
                "state": [json.dumps(state, separators=(",", ":")) for state in states.values()],
                "updated_at": [now] * len(states),
            },
            schema_overrides={"updated_at": pl.Int64},
        )


def knows_size(book: CursorBook[FileCursor], packed_size: int) -> bool:
    """Tell whether some file of that size on disk was read before."""
    return any(cursor.packed_size == packed_size for cursor in book.files.values())


async def load_cursors(
    source: CursorSource, schemas: Schemas, agent: str, kind: type[C]
) -> CursorBook[C]:
    """Return what an agent left behind."""
    book: CursorBook[C] = CursorBook(agent)
    prefix = f"{agent}{SEPARATOR}".encode()
    names = [each.name for each in fields(kind)]
    for key, value in (await source.read(INGEST_CURSORS.name)).items():
        if not key.startswith(prefix):
            continue
        record = decode_one(schemas, value)
        state = json.loads(record["state"])
        if record["subject"] == _MARK:
            book.mark = state["mark"]
        else:
            known = {name: state[name] for name in names if name in state}
            book.files[record["subject"]] = kind(**known)
    return book
