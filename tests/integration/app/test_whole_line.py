"""The whole line on the real stack equals a replay of the same files, and others can read it."""

import io
import json
import math

import fastavro
import pytest
from confluent_kafka import Consumer, KafkaError

from pipeline.app.demo.conservation import IDENTITIES, count_topics, differences
from pipeline.app.demo.report import TABLE_OF
from pipeline.app.wiring import schemas
from pipeline.codecs.marks import read_mark
from pipeline.domain.topics import (
    ALERT_ACTIONS,
    COURSE_AUDIT,
    DEAD_LETTER_ACTIONS,
    LATE,
    LIVE_EVENTS,
    REQUEST_DELTAS,
    REQUEST_STATS,
    TOPICS,
    WEB_LOGS,
    Topic,
)
from pipeline.sink.client import client_of
from pipeline.sink.queries import count_tables
from tests.integration.app.conftest import FEEDS, Day, Finished
from tests.support.line import RESULTS, Line, final, replayed

pytestmark = pytest.mark.stack

UNUSED = (LATE, ALERT_ACTIONS, DEAD_LETTER_ACTIONS)
"""Topics that nobody writes yet, or that a day without late rows leaves empty."""


def test_a_batch_run_ends_when_everything_is_final_and_in_clickhouse(
    finished: Finished, day: Day
) -> None:
    assert finished.run.returncode == 0, finished.run.stderr
    for topic in RESULTS:
        assert final(topic, finished.line.records(topic)) == replayed(day.result, topic), topic.name


async def test_rows_on_each_topic_are_rows_in_clickhouse_once_copies_are_left_out(
    finished: Finished,
) -> None:
    held = await count_topics(finished.line.settings, schemas(finished.line.settings))
    with client_of(finished.line.settings.clickhouse()) as client:
        tables = count_tables(client)
    assert set(TABLE_OF) == {topic.name for topic in IDENTITIES}
    assert not differences(held, {topic: tables[table] for topic, table in TABLE_OF.items()})
    assert held[WEB_LOGS.name].records > held[WEB_LOGS.name].rows > 0  # corrections, erasures


def test_what_ingest_prints_adds_up_with_what_was_simulated(finished: Finished, day: Day) -> None:
    totals = json.loads((day.files / "labels.json").read_text())["totals"]
    for feed, printed in finished.ingested.items():
        # Pages of the Course Audit log are read event by event.
        read = totals[feed].get("lines", totals[feed].get("events"))
        assert read > 0
        assert f"{read:,} read = " in printed
        assert f"{totals[feed].get('bad_lines', 0)} dead letters" in printed


def test_audit_events_are_statistics_and_in_no_session(finished: Finished) -> None:
    stats = [row for row in finished.line.records(REQUEST_STATS) if row["feed"] == "course_audit"]
    last = {row["minute"] + row["key"]: row for row in stats if row["dimension"] == "audit_change"}
    totals = finished.line.records(COURSE_AUDIT)
    assert sum(row["rows"] for row in last.values()) == len(totals) > 0
    assert {row["status"] for row in last.values()} == {"final"}


def test_a_file_is_published_once_however_often_it_is_ingested(
    finished: Finished, day: Day
) -> None:
    for command, feed in FEEDS.items():
        again = finished.line.command("ingest", command, str(day.files / feed))
        assert again.returncode == 0, again.stderr
        assert "0 read = 0 published" in again.stdout


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_librdkafka_and_plain_fastavro_read_every_record_of_every_topic(
    finished: Finished, topic: Topic
) -> None:
    known = schemas(finished.line.settings)
    rows, marks = 0, 0
    for value, headers in _foreign_records(finished.line, topic):
        if value is None:
            is_mark = read_mark(headers) is not None
            assert is_mark or topic.cleanup == "compact"  # else a tombstone
            marks += is_mark
            continue
        assert value[0] == 0
        writer = known.by_id(int.from_bytes(value[1:5]))
        assert writer["name"] == known.named(topic.schema)["name"]
        row = fastavro.schemaless_reader(io.BytesIO(value[5:]), writer)
        assert set(row) == {field["name"] for field in writer["fields"]}
        rows += 1
    assert (rows == 0) == (topic in UNUSED)
    assert (marks > 0) == (topic in (WEB_LOGS, LIVE_EVENTS, COURSE_AUDIT, REQUEST_DELTAS))


def test_topics_and_tables_are_as_the_catalogue_and_the_migrations_say(
    finished: Finished,
) -> None:
    for command in (("topics", "check"), ("tables", "check")):
        checked = finished.line.command(*command)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_topics_check_says_in_one_table_what_differs(finished: Finished) -> None:
    variables = {**finished.line.variables, "partitions": "5"}
    other = object.__new__(Line)
    other.variables = variables
    checked = other.command("topics", "check")
    assert checked.returncode == 1
    assert "canvas.web_logs.v1" in checked.stdout
    assert "partitions" in checked.stdout


def _foreign_records(
    line: Line, topic: Topic
) -> list[tuple[bytes | None, list[tuple[str, bytes]]]]:
    """Read a topic as somebody else's program would."""
    name = f"{line.settings.topic_prefix}{topic.name}"
    consumer = Consumer(
        {
            "bootstrap.servers": line.settings.kafka_bootstrap,
            "group.id": "foreign",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
    )
    try:
        consumer.subscribe([name])
        ended: set[int] = set()
        partitions = math.inf
        found = []
        while len(ended) < partitions:
            message = consumer.poll(240)
            assert message is not None, f"{name} does not end"
            if (error := message.error()) is not None:
                assert error.code() == KafkaError._PARTITION_EOF, error
                ended.add(message.partition() or 0)
                partitions = len(consumer.assignment())
                continue
            headers = [(key, value or b"") for key, value in message.headers() or []]
            found.append((message.value(), headers))
        return found
    finally:
        consumer.close()
