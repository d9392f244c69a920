"""What a host gives its task at once, and when it commits what the task has left over."""

import struct

from pipeline.codecs.chunk import Chunk
from pipeline.codecs.raw_batch import RawBatch
from pipeline.codecs.raw_chunk import RawChunk
from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.topics import LIVE_EVENTS, WEB_LOGS
from pipeline.engine.sessionize_task import SessionizeTask
from pipeline.kafka.figures import CommitFigures
from pipeline.kafka.pace import Pace
from pipeline.kafka.task_host import JOINED_BYTES, JOINED_ROWS, TaskHost, TaskPosition
from tests.support.counting import NUMBERS, CountingTask
from tests.support.log_batches import HEADER_BYTES, Given, log_batch
from tests.support.memory_kafka import SCHEMAS, MemoryKafka
from tests.support.recorded_transactions import RecordedTransactions
from tests.support.task_rows import T, mark, web_log

RULES = EventTimeRules()
NEVER = Pace(interval_s=1e9, behind_interval_s=1e9, rows=1 << 40)


async def test_what_one_transaction_cannot_hold_follows_in_the_next_whatever_the_pace() -> None:
    kafka, transactions = MemoryKafka(), RecordedTransactions()
    host = TaskHost(
        0,
        group="sessionize",
        task=SessionizeTask(0, RULES, SCHEMAS, sessions_at_once=20),
        transactions=transactions,
        position=TaskPosition({WEB_LOGS.name: 0, LIVE_EVENTS.name: 0}, ""),
        figures=CommitFigures(),
        restored_s={},
    )
    rows = [web_log(n, T, session_id=f"{n + 1:032x}") for n in range(50)]
    kafka.write(WEB_LOGS.name, 0, rows)
    host.add(kafka.chunk(WEB_LOGS.name, 0, 0, kafka.end(WEB_LOGS.name, 0)))
    await host.settle()
    assert not host.due(NEVER, behind=False)
    for feed in RULES.feeds:
        block = mark(feed, RULES.closing(T))
        start = kafka.publish(block)
        host.add(kafka.chunk(block.topic, 0, start, kafka.end(block.topic, 0)))
    await host.settle()
    while host.due(NEVER, behind=False):
        host.begin_commit()
        await host.sent()
    assert transactions.sent[1:] == [20, 20, 10]
    assert isinstance(host.task, SessionizeTask)
    assert host.task.open_sessions == 0


class Noticing(CountingTask):
    """Remembers how many rows it was given at once."""

    def __init__(self) -> None:
        super().__init__(0)
        self.given: list[int] = []

    def add(self, chunk: Chunk) -> None:
        self.given.append(len(chunk))
        super().add(chunk)


def batches(start: int, rows: int, size: int = 5) -> RawChunk:
    """Return a chunk of one batch of so many rows, whose values have so many bytes each."""
    records = [Given(n, 0, b"key", b"v" * size, ()) for n in range(rows)]
    data = log_batch(start, records, last_delta=rows - 1)
    (first_ms,) = struct.unpack_from(">q", data, 27)
    batch = RawBatch(start, first_ms, None, rows, data[HEADER_BYTES:], start, start + rows)
    return RawChunk(NUMBERS.name, 0, start, start + rows, [batch])


def counting_host(task: Noticing) -> TaskHost:
    return TaskHost(
        0,
        group="counting",
        task=task,
        transactions=RecordedTransactions(),
        position=TaskPosition({NUMBERS.name: 0}, ""),
        figures=CommitFigures(),
        restored_s={},
    )


async def test_small_chunks_wait_for_each_other_until_there_are_many_rows_or_a_commit() -> None:
    task = Noticing()
    host = counting_host(task)
    host.add(batches(0, 5))
    host.add(batches(5, 7))
    assert (task.given, host.rows, host.next_offset(NUMBERS.name)) == ([], 12, 12)
    await host.settle()
    assert (task.given, task.rows, dict(host.committed)) == ([12], 12, {NUMBERS.name: 12})
    host.add(batches(12, 1))
    host.add(batches(13, JOINED_ROWS))
    assert (task.given, task.rows) == ([12, JOINED_ROWS + 1], JOINED_ROWS + 13)
    await host.settle()
    assert dict(host.committed) == {NUMBERS.name: JOINED_ROWS + 13}


async def test_few_rows_of_very_many_bytes_wait_for_nothing_and_make_a_commit_due() -> None:
    task = Noticing()
    host = counting_host(task)
    pace = NEVER._replace(size=2 * JOINED_BYTES)
    large = JOINED_BYTES // 2
    host.add(batches(0, 1, large))
    assert (task.given, host.due(pace, behind=True)) == ([], False)
    host.add(batches(1, 1, large))
    assert task.given == [2]
    for offset in (2, 3):
        host.add(batches(offset, 1, large))
    assert host.size > 2 * JOINED_BYTES
    assert host.due(pace, behind=True)
    host.begin_commit()
    assert (host.rows, host.size) == (0, 0)
    await host.settle()
    assert dict(host.committed) == {NUMBERS.name: 4}
