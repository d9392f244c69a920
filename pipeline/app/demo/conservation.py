"""Do the numbers add up? Every row is somewhere, from the files to ClickHouse (rule 23)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipeline.app.settings import Settings
from pipeline.app.topic_frames import topic_frame
from pipeline.codecs.schemas import Schemas
from pipeline.domain.topics import (
    ANOMALIES,
    DEAD_LETTERS,
    ERASURES,
    LATE,
    LIVE_EVENTS,
    REQUEST_STATS,
    SESSIONS,
    WEB_LOGS,
    Topic,
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes records of a topic the same row; no columns: every record is a row of its own.

    ``gone`` are the statuses of records that no longer stand for a row, ``request`` the column
    by which an erased request takes the row with it.
    """

    columns: tuple[str, ...] = ()
    version: str | None = None
    gone: tuple[str, ...] = ()
    request: str | None = None

    @property
    def read(self) -> list[str]:
        """The columns that counting needs."""
        asked = [*self.columns, self.version, "status" if self.gone else None, self.request]
        return sorted({name for name in asked if name is not None})


IDENTITIES: Final[dict[Topic, Identity]] = {
    ERASURES: Identity(("kind", "subject")),
    WEB_LOGS: Identity(("id",), request="id"),
    LIVE_EVENTS: Identity(("event_key",), request="request_id"),
    SESSIONS: Identity(("session_id", "start"), "version", ("withdrawn",)),
    REQUEST_STATS: Identity(("feed", "minute", "dimension", "key"), "version", ("folded",)),
    ANOMALIES: Identity(("fingerprint", "episode"), "version"),
    LATE: Identity(("event_key",)),
    DEAD_LETTERS: Identity(),
}


@dataclass(frozen=True, slots=True)
class Held:
    """A topic's records, and the rows they stand for once copies and erased ones are left out."""

    records: int
    rows: int


async def count_topics(settings: Settings, schemas: Schemas) -> dict[str, Held]:
    """Read every topic that has a table and count its records and distinct rows."""
    erasures = await topic_frame(settings, schemas, ERASURES, ["kind", "subject"])
    erased = erasures.filter(pl.col("kind") == "request")["subject"]
    return {
        topic.name: _held(
            identity, await topic_frame(settings, schemas, topic, identity.read), erased
        )
        for topic, identity in IDENTITIES.items()
    }


def differences(held: Mapping[str, Held], stored: Mapping[str, int]) -> list[str]:
    """Return a sentence for every topic whose rows are not those of its table."""
    return [
        f"{topic} holds {held[topic].rows:,} rows, ClickHouse {count:,}"
        for topic, count in stored.items()
        if held[topic].rows != count
    ]


def standing(identity: Identity, latest: pl.DataFrame, erased: pl.Series) -> pl.DataFrame:
    """Return those of the latest records of each identity that still stand for a row."""
    rows = latest
    if identity.request is not None:
        rows = rows.filter(~pl.col(identity.request).is_in(erased.implode()).fill_null(value=False))
    if identity.gone:
        rows = rows.filter(~pl.col("status").is_in(identity.gone))
    return rows


def _held(identity: Identity, frame: pl.DataFrame, erased: pl.Series) -> Held:
    latest = frame if identity.version is None else frame.sort(identity.version)
    if identity.columns:
        latest = latest.unique(list(identity.columns), keep="last")
    return Held(frame.height, standing(identity, latest, erased).height)
