"""What a transaction adds to each hour, counted row by row; and that it adds up."""

from collections import defaultdict
from typing import Any

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.avro import ColumnDecoder, ColumnEncoder, decode_one, encode_one
from pipeline.codecs.completeness import by_hour, completeness, duplicates, repeated
from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.domain.feeds import FEEDS, TIME_COLUMN, Feed
from pipeline.domain.topics import DEAD_LETTERS, ERASURES
from pipeline.engine.sessionize_task import INPUTS
from tests.support.added_up import SUMS, added_up
from tests.support.avro_examples import example
from tests.support.avro_values import schema_named, schemas_of

BEGIN = 1_771_200_000_000_000 // HOUR * HOUR
NOTHING = {**dict.fromkeys((*SUMS, "lag_max", "minutes"), 0), "first_at": None, "last_at": None}
instants = st.integers(BEGIN - 2 * HOUR, BEGIN + 2 * HOUR) | st.sampled_from(
    [BEGIN, BEGIN - 1, BEGIN + HOUR, BEGIN + HOUR - 1, BEGIN + MINUTE, BEGIN + MINUTE - 1]
)
feeds = st.sampled_from(FEEDS)


def of_rows(feed: Feed, rows: list[tuple[int, int]]) -> pl.DataFrame:
    """Return what rows of (event time, ingested at) add."""
    schema = {TIME_COLUMN[feed]: pl.Int64, "ingested_at": pl.Int64}
    counts = completeness(INPUTS[feed].name, pl.DataFrame(rows, schema=schema, orient="row"))
    assert counts is not None
    return counts


@given(feeds, st.lists(st.tuples(instants, instants), min_size=1))
def test_rows_are_counted_by_the_hour_of_their_own_time(
    feed: Feed, rows: list[tuple[int, int]]
) -> None:
    hours = defaultdict(list)
    for at, ingested_at in rows:
        hours[at // HOUR * HOUR].append((at, ingested_at))
    assert of_rows(feed, rows).to_dicts() == [
        {
            **NOTHING,
            "feed": feed,
            "start": start,
            "read": len(held),
            "published": len(held),
            "lag_sum": sum(max(ingested_at - at, 0) for at, ingested_at in held),
            "lag_max": max(max(ingested_at - at, 0) for at, ingested_at in held),
            "minutes": sum({1 << (at - start) // MINUTE for at, _ in held}),
            "first_at": min(at for at, _ in held),
            "last_at": max(at for at, _ in held),
            "recorded_at": max(ingested_at for _, ingested_at in held),
        }
        for start, held in sorted(hours.items())
    ]


OUTCOMES = st.sampled_from(["row", "dead", "delete", "repeated", "duplicate"])
TRANSACTION = st.lists(st.tuples(OUTCOMES, feeds, instants, instants))


def records(transaction: list[tuple[str, Feed, int, int]]) -> list[dict[str, Any]]:
    """Return the records of one transaction: event times, and times of reading."""
    frames: list[pl.DataFrame | None] = []
    for feed in FEEDS:
        own = [(outcome, at, read_at) for outcome, of, at, read_at in transaction if of == feed]
        if rows := [(at, read_at) for outcome, at, read_at in own if outcome == "row"]:
            frames.append(of_rows(feed, rows))
        for outcome, topic, schema in (
            ("dead", DEAD_LETTERS, {"happened_at": pl.Int64, "feed": pl.String}),
            ("delete", ERASURES, {"ingested_at": pl.Int64, "kind": pl.String}),
        ):
            named = "request" if outcome == "delete" else feed
            rest = [(read_at, named) for each, _, read_at in own if each == outcome]
            frames.append(completeness(topic.name, pl.DataFrame(rest, schema=schema, orient="row")))
        times = np.array([at for outcome, at, _ in own if outcome == "repeated"], np.int64)
        if len(times):
            frames.append(repeated(by_hour(feed, times), BEGIN))
        times = np.array([at for outcome, at, _ in own if outcome == "duplicate"], np.int64)
        if len(times):
            counts = {hour: (rows, BEGIN) for hour, rows in by_hour(feed, times).items()}
            frames.append(duplicates(counts))
    return [record for frame in frames if frame is not None for record in frame.to_dicts()]


@given(st.lists(TRANSACTION, max_size=5))
def test_records_add_up_to_the_same_however_rows_are_cut_into_transactions(
    transactions: list[list[tuple[str, Feed, int, int]]],
) -> None:
    together = [each for transaction in transactions for each in transaction]
    alone = [record for each in together for record in records([each])]
    cut = [record for transaction in transactions for record in records(transaction)]
    found = added_up(records(together))
    assert added_up(cut) == added_up(alone) == found
    for here in found.values():
        outcomes = ("published", "deletes", "dead", "repeated")
        assert here["read"] == sum(here[name] for name in outcomes)
    for name, outcome in (("published", "row"), ("repeated", "repeated"), ("dead", "dead")):
        counted = sum(here[name] for here in found.values())
        assert counted == sum(each == outcome for each, *_ in together)


@given(st.lists(st.tuples(OUTCOMES, feeds, instants, instants), min_size=1, max_size=4))
def test_records_are_encoded_as_they_are_counted(
    transaction: list[tuple[str, Feed, int, int]],
) -> None:
    schema = schema_named("completeness")
    known = schemas_of((5, "completeness", schema))
    counted = records(transaction)
    integers = {name: pl.Int64 for name in counted[0] if name != "feed"}
    values = ColumnEncoder(schema, 5).encode(pl.DataFrame(counted, schema_overrides=integers))
    assert [decode_one(known, value) for value in values.to_pylist()] == counted


def test_records_of_before_read_as_nothing_of_what_was_not_counted_then() -> None:
    before, now = schema_named("released/2/completeness"), schema_named("completeness")
    known = schemas_of((4, "before", before), (5, "completeness", now))
    record = {field["name"]: example("completeness")[field["name"]] for field in before["fields"]}
    names = [field["name"] for field in now["fields"]]
    decoded = ColumnDecoder(known, "completeness", names).decode([encode_one(before, 4, record)])
    (read,) = decoded.frame.select(names).to_dicts()
    assert read == {**record, **dict.fromkeys(("read", "repeated", "duplicates", "minutes"), 0)}
