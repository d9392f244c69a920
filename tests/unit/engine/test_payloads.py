"""What a task keeps of a chunk is its own: no state holds the bytes of a fetch."""

import gc
import weakref
from typing import Any

from pipeline.codecs.one_record import RecordWriter
from pipeline.codecs.raw_batch import RawBatch
from pipeline.codecs.raw_chunk import RawChunk
from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.topics import WEB_LOGS
from pipeline.engine.sessionize_task import SessionizeTask
from tests.support.log_batches import HEADER_BYTES, Given, log_batch
from tests.support.memory_kafka import SCHEMAS
from tests.support.task_rows import IDS, T, web_log

SCHEMA = SCHEMAS.named(WEB_LOGS.schema)
WRITER = RecordWriter(SCHEMA, SCHEMAS.id_of(WEB_LOGS.schema))
NOTHING = {field["name"]: None for field in SCHEMA["fields"]}


def chunk_of(base: int, rows: list[dict[str, Any]]) -> RawChunk:
    """Return rows as one batch; all published at the same instant."""
    given = [Given(n, 0, b"key", WRITER.write(NOTHING | row), ()) for n, row in enumerate(rows)]
    data = log_batch(base, given, last_delta=len(rows) - 1)
    end = base + len(rows)
    batch = RawBatch(base, T // 1000, None, len(rows), data[HEADER_BYTES:], base, end)
    return RawChunk(WEB_LOGS.name, 0, base, end, [batch])


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
