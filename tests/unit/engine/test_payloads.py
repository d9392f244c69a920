"""What a task keeps of a chunk is its own: no state holds the bytes of a fetch."""

import gc
import weakref
from typing import Any

from pipeline.codecs.chunk import Chunk, RecordChunk
from pipeline.codecs.marks import Mark, mark_headers
from pipeline.codecs.one_record import RecordWriter
from pipeline.codecs.raw_batch import RawBatch
from pipeline.codecs.raw_chunk import RawChunk
from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.topics import WEB_LOGS
from pipeline.engine.sessionize_task import SessionizeTask
from pipeline.engine.stage import Block
from tests.support.log_batches import HEADER_BYTES, Given, log_batch, records_of
from tests.support.memory_kafka import SCHEMAS
from tests.support.task_rows import IDS, T, web_log

SCHEMA = SCHEMAS.named(WEB_LOGS.schema)
WRITER = RecordWriter(SCHEMA, SCHEMAS.id_of(WEB_LOGS.schema))
NOTHING = {field["name"]: None for field in SCHEMA["fields"]}


def batch_of(base: int, rows: list[dict[str, Any] | Mark]) -> RawBatch:
    """Return rows and marks as one batch; all published at the same instant."""
    given = [
        Given(n, 0, None, None, mark_headers(row))
        if isinstance(row, Mark)
        else Given(n, 0, b"key", WRITER.write(NOTHING | row), ())
        for n, row in enumerate(rows)
    ]
    data = log_batch(base, given, last_delta=len(rows) - 1)
    end = base + len(rows)
    return RawBatch(base, T // 1000, None, len(rows), data[HEADER_BYTES:], base, end)


def chunk_of(base: int, rows: list[dict[str, Any] | Mark]) -> RawChunk:
    """Return them as a chunk of whole batches."""
    return RawChunk(WEB_LOGS.name, 0, base, base + len(rows), [batch_of(base, rows)])


def test_between_commits_a_task_holds_no_payload_of_rows_in_sessions_and_deltas() -> None:
    """Texts of a chunk are views into its payload: one that is kept would keep it all."""
    task = SessionizeTask(0, EventTimeRules(), SCHEMAS)
    agent = "Mozilla/5.0 " + "x" * 99
    more = {"user_agent": agent, "real_user_id": 5, "user_id": 6, "course_id": 7}
    payloads = []
    for number in range(4):
        first = 10 * number
        rows = [web_log(first + n, T + n, session_id=IDS[n % 3], **more) for n in range(10)]
        chunk = chunk_of(first, rows)
        payloads.append(weakref.ref(chunk._data))
        task.add(chunk)
        del chunk
        gc.collect()
        assert [payload() for payload in payloads] == [None] * len(payloads)
    assert task.open_sessions == 3
    assert task.flush() is not None


def test_marks_between_rows_change_nothing_for_chunks_of_whole_batches() -> None:
    """Rows are found behind them as arrays too, which the loops take where they lie."""
    rows = [web_log(n, T + n, session_id=IDS[n % 3], user_id=6) for n in range(1, 10)]
    given: list[dict[str, Any] | Mark] = [*rows[:4], Mark("web_logs", T + 5), *rows[4:]]
    single = list(records_of(batch_of(0, given)))
    chunks: list[Chunk] = [
        chunk_of(0, given),
        RecordChunk(WEB_LOGS.name, 0, 0, len(given), single),
        chunk_of(0, given).since(0),
    ]
    found = []
    for chunk in chunks:
        task = SessionizeTask(0, EventTimeRules(), SCHEMAS)
        task.add(chunk)
        flushed = task.flush()
        assert flushed is not None
        blocks = [block.values.to_pylist() for block in flushed.blocks if isinstance(block, Block)]
        found.append((flushed.metadata, blocks))
    assert task.open_sessions == 3
    assert found[1:] == found[:-1]
