"""Laws of the stage, against a ClickHouse in memory."""

import asyncio
import itertools
import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.raw_chunk import RawChunk
from pipeline.domain import topics
from pipeline.domain.errors import OurMistake, Unavailable
from pipeline.sink.pace import Pace
from pipeline.sink.sink import ClickHouseSink
from tests.support.avro_schemas import project_schemas
from tests.support.fake_clickhouse import FakeClickHouse
from tests.support.frame_chunk import FrameChunk
from tests.support.raw_chunks import raw_chunk
from tests.support.sink_rows import row
from tests.support.waiting import until

LOGS = topics.WEB_LOGS.name
DAY = 86_400_000_000
SCHEMAS = project_schemas()


class Group:
    """A consumer group's offsets, and what ClickHouse held when they were committed."""

    def __init__(self, clickhouse: FakeClickHouse) -> None:
        self.offsets: dict[tuple[str, int], int] = {}
        self.inserted_before: list[int] = []
        self._clickhouse = clickhouse

    async def acknowledge(self, positions: Mapping[tuple[str, int], int]) -> None:
        self.inserted_before.append(len(self._clickhouse.rows.get("web_logs_store", [])))
        self.offsets.update(positions)


def start(pace: Pace | None = None) -> tuple[ClickHouseSink, FakeClickHouse, Group]:
    clickhouse = FakeClickHouse()
    group = Group(clickhouse)
    return ClickHouseSink(clickhouse, SCHEMAS, group.acknowledge, pace), clickhouse, group


def logs(first: int, last: int, partition: int = 0, **options: Any) -> FrameChunk:
    rows = {at: row("web_log", at) for at in range(first, last + 1)}
    return FrameChunk(LOGS, partition, rows, span=(first, last + 1), **options)


def raw_logs(first: int, last: int, partition: int = 0) -> RawChunk:
    """Return the same rows as a fetch gives them: small ones are decoded together."""
    rows = {at: row("web_log", at) for at in range(first, last + 1)}
    return raw_chunk(SCHEMAS, topics.WEB_LOGS, partition, rows)


def ids(clickhouse: FakeClickHouse) -> list[int]:
    stored = clickhouse.rows.get("web_logs_store", [])
    return [int(each["id"].rpartition("-")[2]) for each in stored]


async def settle(sink: ClickHouseSink, now: int) -> None:
    """Tick until nothing waits; time passes by a day with each tick."""
    days = itertools.count()

    async def settled() -> bool:
        await sink.tick(now + (day := next(days)) * DAY)
        await asyncio.sleep(0.01)
        return day >= 20 and sink.waiting_rows == 0

    await until(settled)


async def test_offsets_follow_the_insert() -> None:
    sink, clickhouse, group = start()
    await sink.assigned([(LOGS, 0)])
    clickhouse.hang()
    await sink.add(logs(10, 12))
    await sink.tick(0)
    await sink.tick(DAY)
    await asyncio.sleep(0.05)
    assert group.offsets == {}
    assert sink.positions() == {(LOGS, 0): 10}
    clickhouse.go_on()
    await settle(sink, DAY)
    assert ids(clickhouse) == [10, 11, 12]
    assert group.offsets == sink.positions() == {(LOGS, 0): 13}
    assert group.inserted_before == [3]
    assert sink.inserted == {"web_logs": 3}


async def test_a_chunk_without_rows_moves_the_position() -> None:
    sink, clickhouse, group = start()
    await sink.add(FrameChunk(LOGS, 0, {}, span=(5, 9), marks=[6]))
    await settle(sink, 0)
    assert group.offsets == {(LOGS, 0): 9}
    assert clickhouse.log == []
    assert sink.marks == 1


async def test_what_lies_below_the_position_is_skipped() -> None:
    sink, clickhouse, group = start()
    await sink.add(logs(1, 4))
    await sink.add(logs(1, 3))
    await sink.add(logs(3, 6))
    await settle(sink, 0)
    assert ids(clickhouse) == [1, 2, 3, 4, 5, 6]
    assert group.offsets == {(LOGS, 0): 7}


async def test_a_gap_is_our_mistake() -> None:
    sink, _, _ = start()
    await sink.add(logs(1, 4))
    with pytest.raises(OurMistake, match=r"Offsets 5 to 5 of canvas\.web_logs\.v1, partition 0,"):
        await sink.add(logs(6, 7))
    await sink.add(logs(6, 7, partition=1))


async def test_a_failed_insert_is_raised_kept_and_tried_again() -> None:
    sink, clickhouse, group = start()
    clickhouse.failures = [Unavailable("no answer")]
    await sink.add(logs(1, 2))
    await sink.tick(0)
    await sink.tick(DAY)
    with pytest.raises(Unavailable):
        await settle(sink, 2 * DAY)
    assert group.offsets == {}
    await sink.add(logs(3, 4))
    await settle(sink, 3 * DAY)
    assert ids(clickhouse) == [1, 2, 3, 4]
    assert group.offsets == {(LOGS, 0): 5}


async def test_rows_wait_for_the_interval_and_longer_while_behind() -> None:
    pace = Pace(interval=10, behind_interval=100, behind_after=1_000)
    now = 1_700_000_000_000_000
    sink, clickhouse, _ = start(pace)

    async def at(time: int, chunk: FrameChunk | None = None, *, inserts: bool) -> list[int]:
        if chunk is not None:
            await sink.add(chunk)
        before = ids(clickhouse)
        await sink.tick(now + time)
        await asyncio.sleep(0.02)
        while inserts and ids(clickhouse) == before:  # noqa: ASYNC110 - nobody is told of an insert
            await asyncio.sleep(0.01)
        return ids(clickhouse)

    assert await at(0, logs(1, 1), inserts=False) == []
    assert await at(9, inserts=False) == []
    assert await at(10, inserts=True) == [1]
    old = 1_600_000_000_000
    assert await at(20, logs(2, 2, timestamp_ms=old), inserts=False) == [1]
    assert await at(110, logs(3, 3, timestamp_ms=old), inserts=False) == [1]
    assert await at(120, logs(4, 4, timestamp_ms=old), inserts=True) == [1, 2, 3, 4]
    assert await at(130, logs(5, 5, timestamp_ms=old), inserts=False) == [1, 2, 3, 4]
    # The source has paused: the sink is not behind.
    assert await at(140, inserts=True) == [1, 2, 3, 4, 5]


async def test_a_table_with_enough_rows_does_not_wait_for_a_tick() -> None:
    sink, clickhouse, _ = start(Pace(rows=3))
    await sink.add(logs(1, 2))
    await asyncio.sleep(0.02)
    assert ids(clickhouse) == []
    await sink.add(logs(3, 3))
    await until(lambda: ids(clickhouse) == [1, 2, 3])


async def test_a_full_batch_holds_add_back_until_clickhouse_answers() -> None:
    sink, clickhouse, _ = start(Pace(rows=2, most_rows=4))
    clickhouse.hang()
    await sink.add(logs(1, 2))
    await asyncio.sleep(0.05)
    await sink.add(logs(3, 5))
    waiting = asyncio.create_task(sink.add(logs(6, 8)))
    # What waits is bounded by two batches and a chunk.
    await until(lambda: sink.waiting_rows == 8)
    assert not waiting.done()
    clickhouse.go_on()
    await waiting
    await settle(sink, 0)
    assert ids(clickhouse) == list(range(1, 9))


async def test_a_revoked_partition_is_inserted_and_acknowledged_first() -> None:
    sink, clickhouse, group = start()
    await sink.assigned([(LOGS, 0), (LOGS, 1)])
    await sink.add(logs(1, 2, partition=0))
    await sink.add(logs(1, 3, partition=1))
    await sink.revoked([(LOGS, 1)])
    assert len(ids(clickhouse)) == 5
    assert group.offsets == {(LOGS, 0): 3, (LOGS, 1): 4}
    assert sink.positions() == {(LOGS, 0): 3}
    await sink.assigned([(LOGS, 1)])
    await sink.add(logs(9, 9, partition=1))
    await settle(sink, 0)
    assert group.offsets[LOGS, 1] == 10


async def test_a_revoked_partition_is_never_acknowledged_later() -> None:
    sink, clickhouse, group = start(Pace(leave_within_s=0.05))
    clickhouse.hang()
    await sink.add(logs(1, 2, partition=0))
    await sink.add(logs(1, 3, partition=1))
    await sink.revoked([(LOGS, 1)])
    assert group.offsets == {}
    clickhouse.go_on()
    await settle(sink, 0)
    assert group.offsets == {(LOGS, 0): 3}


async def test_stopping_inserts_what_was_read() -> None:
    sink, clickhouse, group = start()
    await sink.add(logs(1, 2))
    await sink.stop()
    assert ids(clickhouse) == [1, 2]
    assert group.offsets == {(LOGS, 0): 3}


async def test_stopping_ends_though_clickhouse_hangs() -> None:
    sink, clickhouse, group = start(Pace(leave_within_s=0.05))
    clickhouse.hang()
    await sink.add(logs(1, 2))
    await sink.stop()
    assert group.offsets == {}


async def test_a_bad_record_becomes_a_dead_letter_and_costs_its_neighbours_nothing() -> None:
    rows = {4: row("web_log", 4), 5: row("web_log", 5, id="no uuid"), 7: row("web_log", 7)}
    chunk = FrameChunk(LOGS, 2, rows, span=(4, 8), broken=[6])
    sink, clickhouse, group = start()
    await sink.add(chunk)
    await settle(sink, 0)
    assert ids(clickhouse) == [4, 7]
    assert sink.bad == 2
    assert group.offsets == {(LOGS, 2): 8}
    dead = {each["location"]: each for each in clickhouse.rows["dead_letters_store"]}
    assert set(dead) == {f"{LOGS}/2/5", f"{LOGS}/2/6"}
    letter = dead[f"{LOGS}/2/6"]
    assert letter["source"] == "sink"
    assert letter["feed"] == "web_logs"
    assert letter["payload"] == b"value 6"
    assert letter["payload_length"] == 7

    again, second, _ = start()
    await again.add(chunk)
    await settle(again, DAY)
    assert second.rows == clickhouse.rows, "reading a record again gives the same rows"


async def test_erasures_delete_after_everything_of_their_batch_is_inserted() -> None:
    request = "00000000-0000-4000-8000-000000000001"
    erasure = row("erasure", 1, kind="request", subject=request)
    sink, clickhouse, group = start()
    await sink.add(FrameChunk(topics.ERASURES.name, 0, {0: erasure}, span=(0, 1)))
    await sink.add(logs(1, 2))
    await settle(sink, 0)
    assert clickhouse.log[:2] == ["insert web_logs_store", "insert erasures_store"]
    deleted = "DELETE FROM web_logs_store WHERE id IN ('00000000-0000-4000-8000-000000000001')"
    assert deleted in clickhouse.log[2:]
    assert group.offsets == {(topics.ERASURES.name, 0): 1, (LOGS, 0): 3}


async def test_alerts_and_sessions_are_inserted_before_the_rows_of_their_batch() -> None:
    sink, clickhouse, _ = start()
    await sink.add(logs(1, 2))
    for topic, schema in ((topics.SESSIONS, "session"), (topics.ANOMALIES, "anomaly")):
        await sink.add(FrameChunk(topic.name, 0, {0: row(schema, 1)}, span=(0, 1)))
    await settle(sink, 0)
    assert clickhouse.log[:3] == [
        "insert anomalies_store",
        "insert sessions_store",
        "insert web_logs_store",
    ]


async def test_the_owner_of_the_erasures_sweeps_from_time_to_time() -> None:
    request = "00000000-0000-4000-8000-000000000001"
    sink, clickhouse, _ = start(Pace(sweep_every=2 * DAY))
    clickhouse.erased_left["request", "web_logs_store"] = [request]

    async def sweeps(now: int) -> int:
        await sink.tick(now)
        await asyncio.sleep(0.02)
        return sum("DELETE FROM web_logs_store" in line for line in clickhouse.log)

    assert await sweeps(0) == 0
    await sink.assigned([(topics.ERASURES.name, 0)])
    assert [await sweeps(day * DAY) for day in range(1, 6)] == [1, 1, 2, 2, 3]
    await sink.revoked([(topics.ERASURES.name, 0)])
    assert await sweeps(9 * DAY) == 3


async def test_small_chunks_of_whole_batches_wait_to_be_decoded_together() -> None:
    sink, clickhouse, group = start(Pace(interval=10))
    await sink.assigned([(LOGS, 0), (LOGS, 1)])
    for at in range(1, 9):
        await sink.add(raw_logs(at, at))
        await sink.add(raw_logs(at, at, partition=1))
    bad = row("web_log", 9, id="no uuid")
    await sink.add(raw_chunk(SCHEMAS, topics.WEB_LOGS, 0, {9: bad}))
    assert (sink.waiting_rows, sink.bad) == (17, 0)
    await sink.revoked([])
    assert (sink.waiting_rows, sink.bad) == (0, 1)
    assert sorted(ids(clickhouse)) == sorted([*range(1, 9)] * 2)
    assert clickhouse.log.count("insert web_logs_store") == 1
    assert group.offsets == {(LOGS, 0): 10, (LOGS, 1): 9}


async def test_chunks_that_wait_for_a_partition_that_was_taken_away_are_dropped() -> None:
    sink, clickhouse, group = start(Pace(leave_within_s=0.05))
    clickhouse.hang()
    await sink.add(logs(1, 2))
    await sink.tick(0)
    await sink.tick(DAY)
    await asyncio.sleep(0.02)
    await sink.add(raw_logs(1, 3, partition=1))
    await sink.add(raw_logs(3, 4))
    await sink.revoked([(LOGS, 1)])
    assert sink.waiting_rows == 4
    await sink.assigned([(LOGS, 1)])
    await sink.add(raw_logs(2, 2, partition=1))
    clickhouse.go_on()
    await settle(sink, 0)
    assert group.offsets == {(LOGS, 0): 5, (LOGS, 1): 3}
    assert sorted(ids(clickhouse)) == [1, 2, 2, 3, 4]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), raw=st.booleans())
async def test_no_row_is_lost_however_chunks_failures_and_restarts_fall(
    *, seed: int, raw: bool
) -> None:
    """Every row below an acknowledged offset is in ClickHouse, and in the end all are.

    One seed instead of many draws: which thread is faster decides how many choices there are.
    """
    dice, made = random.Random(seed), raw_logs if raw else logs
    clickhouse = FakeClickHouse()
    group = Group(clickhouse)
    pace = Pace(rows=4, most_rows=8, leave_within_s=60)
    end, now = 20, 0
    for life in range(12):
        clickhouse.failures = []
        sink = ClickHouseSink(clickhouse, SCHEMAS, group.acknowledge, pace)
        read = group.offsets.get((LOGS, 0), 1)
        try:
            for _ in range(dice.randint(1, 6) if life < 11 else end):
                if read <= end:
                    last = dice.randint(read, min(end, read + 5))
                    await sink.add(made(max(1, read - dice.randint(0, 2)), last))
                    read = last + 1
                if life < 11 and dice.random() < 0.3:
                    clickhouse.failures = [Unavailable("no answer")]
                now += dice.choice([0, DAY])
                await sink.tick(now)
                await asyncio.sleep(0)
        except Unavailable:
            pass
        if life == 11 or dice.random() < 0.5:
            await sink.stop()
        elif sink._sending is not None:
            sink._sending.cancel()
            await asyncio.gather(sink._sending, return_exceptions=True)
        assert set(range(1, group.offsets.get((LOGS, 0), 1))) <= set(ids(clickhouse))
    assert set(ids(clickhouse)) == set(range(1, end + 1))
    assert group.offsets == {(LOGS, 0): end + 1}
