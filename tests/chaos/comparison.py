"""Every record of a disturbed run against the undisturbed one: topics, tables, counts.

Rule 27 decides what is equal: final records without version, offsets and the time of publishing.
ClickHouse must hold what the topics say, field by field, once copies and older versions are out.
"""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl
from clickhouse_connect.driver.client import Client

from pipeline.app.catching_up import tallies
from pipeline.app.demo.conservation import IDENTITIES, Identity, standing
from pipeline.app.settings import Settings
from pipeline.app.topic_frames import topic_frame
from pipeline.app.wiring import schemas
from pipeline.codecs.schemas import Schemas
from pipeline.domain import topics
from pipeline.domain.topics import Topic
from pipeline.sink.client import open_client
from pipeline.sink.tables import TABLES
from tests.chaos.reference import INPUTS, RESULTS, WITH_STATUS, Undisturbed

SHOWN: Final = 5
"""Differing records that are printed of each topic."""

_SHOWN_LENGTH: Final = 600
_OFFSET: Final = "_offset"
_PUBLISHED: Final = ("ingested_at", "happened_at")
_COMPARED: Final[dict[Topic, tuple[str, ...]]] = {
    topics.ERASURES: ("kind", "subject", "requested_at"),
    topics.ANOMALIES: ("rule", "dimension", "key", "window_start", "window_end"),
    topics.LATE: ("feed", "reason", "event_key", "value_length"),
    topics.DEAD_LETTERS: ("feed", "location", "reason", "detail", "payload_sha256"),
}
_VERSIONED: Final = (topics.SESSIONS, topics.REQUEST_STATS, topics.ANOMALIES)

_IDENTITIES: Final = {
    **IDENTITIES,
    topics.COURSE_AUDIT: Identity(("id",), request="page_view_id"),
}

_DECIDES: Final[dict[Topic, tuple[list[str], list[bool]]]] = {
    topics.WEB_LOGS: (["committed_at", "ingested_at", _OFFSET], [False, False, False]),
    topics.LIVE_EVENTS: (["ingested_at", _OFFSET], [True, True]),
    topics.COURSE_AUDIT: (["ingested_at", _OFFSET], [True, True]),
    topics.ERASURES: (["ingested_at", _OFFSET], [False, False]),
    topics.LATE: ([_OFFSET], [False]),
    topics.DEAD_LETTERS: ([_OFFSET], [False]),
    **{topic: (["version"], [False]) for topic in _VERSIONED},
}
"""By which columns, ascending or descending, the last copy of a row is the one that stays."""

_KEYS: Final[dict[Topic, tuple[str, ...]]] = {
    topics.DEAD_LETTERS: ("source", "location", "payload_sha256", "happened_at"),
}


def compare(settings: Settings, expected: Undisturbed) -> list[str]:
    """Return a paragraph for everything that differs; empty if the runs are equal."""
    known = schemas(settings)
    written = {
        topic: asyncio.run(topic_frame(settings, known, topic, _columns(known, topic)))
        for topic in (*INPUTS, *RESULTS)
    }
    return [
        *_topics(written, expected.records),
        *_versions(written),
        *_counts(settings, known, expected),
        *_tables(settings, known, written),
    ]


def differences(title: str, expected: pl.DataFrame, found: pl.DataFrame) -> list[str]:
    """Compare two frames as bags of rows; say what is missing and what is too much."""
    both = _bag(expected, "expected").join(
        _bag(found.select(expected.columns), "found"), on="row", how="full", coalesce=True
    )
    counts = both.with_columns(pl.col("expected", "found").fill_null(0))
    wrong = counts.filter(pl.col("expected") != pl.col("found")).sort("row")
    if wrong.is_empty():
        return []
    lines = [
        f"{title}: {wrong.height} records differ; expected {expected.height}, found {found.height}"
    ]
    for row, should, is_ in wrong.head(2 * SHOWN).iter_rows():
        lines.append(f"  expected {should}, found {is_}: {row[:_SHOWN_LENGTH]}")
    return ["\n".join(lines)]


def _columns(known: Schemas, topic: Topic) -> list[str]:
    return [field["name"] for field in known.named(topic.schema)["fields"]]


def _bag(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    columns = [
        pl.col(column).bin.encode("hex") if kind == pl.Binary else pl.col(column)
        for column, kind in frame.schema.items()
    ]
    rows = frame.select(pl.struct(columns).struct.json_encode().alias("row"))
    return rows.group_by("row").len(name)


def _topics(
    written: Mapping[Topic, pl.DataFrame], expected: Mapping[Topic, pl.DataFrame]
) -> Iterator[str]:
    for topic, frame in written.items():
        if topic not in expected:
            if not frame.is_empty():
                yield f"{topic.name}: {frame.height} records, expected none"
            continue
        yield from differences(
            topic.name, _comparable(topic, expected[topic]), _comparable(topic, frame)
        )


def _comparable(topic: Topic, frame: pl.DataFrame) -> pl.DataFrame:
    """Return what rule 27 compares."""
    if topic in WITH_STATUS:
        frame = frame.filter(pl.col("status") == "final")
    if topic in (topics.ERASURES, topics.ANOMALIES):
        frame = _latest(topic, frame)  # the broker compacts
    if topic == topics.ANOMALIES:
        frame = frame.filter(pl.col("status") != "retracted")
    if topic == topics.LATE:
        frame = frame.with_columns(pl.col("value").bin.size().alias("value_length"))
    if topic in _COMPARED:
        return frame.select(_COMPARED[topic])
    return frame.select(
        name
        for name in frame.columns
        if name not in {"version", *_PUBLISHED} and not name.endswith("_offset")
    )


def _versions(written: Mapping[Topic, pl.DataFrame]) -> Iterator[str]:
    """Versions of an identity only grow, and none is published twice (rule 13)."""
    for topic in _VERSIONED:
        identity = list(_IDENTITIES[topic].columns)
        ordered = written[topic].sort(*identity, _OFFSET)
        before = pl.col("version").shift(1).over(identity)
        back = ordered.filter(pl.col("version") <= before)
        if not back.is_empty():
            shown = back.select(*identity, "version", _OFFSET).head(SHOWN).to_dicts()
            yield f"{topic.name}: {back.height} versions do not grow: {shown}"


def _counts(settings: Settings, known: Schemas, expected: Undisturbed) -> Iterator[str]:
    """Where rows went, as the stages have counted, in their commits and by the hour (rule 23)."""
    topic, columns = topics.COMPLETENESS, ["feed", "published", "duplicates"]
    hours = asyncio.run(topic_frame(settings, known, topic, columns))
    for feed, tally in asyncio.run(tallies(settings)).items():
        if not tally.balanced() or tally != expected.tallies[feed]:  # type: ignore[index]
            yield f"{feed}: counted {tally}, expected {expected.tallies[feed]}"  # type: ignore[index]
        of_feed = hours.filter(pl.col("feed") == feed)
        copies, published = of_feed["duplicates"].sum(), of_feed["published"].sum()
        if (copies, published) != (tally.duplicates, tally.consumed):
            yield f"{feed}: completeness has {copies} copies of {published} rows, not as {tally}"


def _tables(
    settings: Settings, known: Schemas, written: Mapping[Topic, pl.DataFrame]
) -> Iterator[str]:
    erased = written[topics.ERASURES].filter(pl.col("kind") == "request")["subject"].unique()
    client = open_client(settings.clickhouse())
    try:
        for table in TABLES:
            if table.topic in written:
                rows = _standing(table.topic, written[table.topic], erased)
                fields = known.named(table.topic.schema)["fields"]
                yield from differences(
                    f"ClickHouse {table.name}",
                    rows.select(field["name"] for field in fields),
                    _read(client, table.name, fields, rows),
                )
    finally:
        client.close()


def _standing(topic: Topic, frame: pl.DataFrame, erased: pl.Series) -> pl.DataFrame:
    """Return the rows for which a topic's records stand."""
    return standing(_IDENTITIES[topic], _latest(topic, frame), erased)


def _latest(topic: Topic, frame: pl.DataFrame) -> pl.DataFrame:
    columns, descending = _DECIDES[topic]
    known = [pl.col(name) for name in columns if name in frame.columns]
    identity = list(_KEYS.get(topic) or _IDENTITIES[topic].columns)
    ordered = frame.sort(known, descending=descending[: len(known)], nulls_last=False)
    return ordered.unique(identity, keep="last", maintain_order=True)


def _read(
    client: Client, view: str, fields: list[dict[str, object]], like: pl.DataFrame
) -> pl.DataFrame:
    """Return a view's rows in the types of the Avro schema, times in microseconds."""
    expressions = ", ".join(_expression(field) for field in fields)
    table = client.query_arrow(f"SELECT {expressions} FROM {view}")  # noqa: S608 - names of ours
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame.select(
        pl.col(str(field["name"])).cast(like.schema[str(field["name"])]) for field in fields
    )


def _expression(field: Mapping[str, object]) -> str:
    name, kind = f"`{field['name']}`", str(field["type"])
    if "timestamp-micros" in kind:
        return f"toUnixTimestamp64Micro({name}) AS {name}"
    return f"toString({name}) AS {name}" if "uuid" in kind else name
