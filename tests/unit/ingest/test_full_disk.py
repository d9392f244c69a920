"""A disk without room stops an agent with a sentence; nothing is lost, nothing left behind.

The disk is full where the process may write no longer file: RLIMIT_FSIZE (EFBIG) needs no mount.
"""

import gzip
import io
import os
import resource
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.domain.errors import OurMistake
from pipeline.ingest.options import FileAgentOptions
from pipeline.ingest.web_log_files import ingest_web_logs_files
from tests.support.avro_schemas import project_schemas
from tests.support.canvas.dap_formats import exported
from tests.support.canvas.dap_run import DapRun
from tests.support.canvas.dap_server import DapServer
from tests.support.memory_publisher import MemoryPublisher
from tests.support.raw_files import NOW, row_at

WEB_LOGS = "canvas.web_logs.v1"
SCHEMAS = project_schemas()
ROOM = 100_000


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def some_rows(count: int) -> list[dict[str, Any]]:
    """Rows that do not become small by being packed."""
    return [row_at(at * 240 / count, user_agent=uuid.uuid4().hex * 2) for at in range(count)]


@pytest.mark.parametrize(
    ("count", "per_object", "room"),
    [(1500, 1500, ROOM), (1500, 50, ROOM), (7, 7, 2000), (30, 3, 5000)],
    ids=["the download", "the spool", "a small download", "a small spool"],
)
async def test_a_full_disk_stops_the_dap_agent_with_a_sentence_and_nothing_is_lost(
    tmp_path: Path, count: int, per_object: int, room: int
) -> None:
    rows = some_rows(count)
    async with DapServer() as server:
        run = DapRun(server)
        server.rows_per_object = per_object
        server.commit(rows)
        for _ in range(2):
            with room_for(room), pytest.raises(OurMistake, match=r"disk of .* is full"):
                await run.start(spool_directory=tmp_path)
            assert os.listdir(tmp_path) == []  # noqa: PTH208 - pathlib is for blocking code
            assert run.publisher.calls == 0
        await run.start(spool_directory=tmp_path)
    assert run.ids() == Counter(row["key"]["id"] for row in rows)


@pytest.mark.parametrize(
    ("name", "given"),
    [("a.jsonl", "a.jsonl"), ("a.jsonl", "-"), ("a.parquet.gz", "a.parquet.gz")],
    ids=["the spool", "the copy of standard input", "an unpacked file"],
)
async def test_a_full_disk_stops_the_file_agent_with_a_sentence_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, given: str
) -> None:
    rows = some_rows(2000)
    kind = name.split(".")[1]
    content = exported(rows, kind, packed=False)
    path, publisher, spools = tmp_path / name, MemoryPublisher(), tmp_path / "spools"
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    monkeypatch.chdir(tmp_path)

    async def ingest() -> None:
        await ingest_web_logs_files(
            [given],
            publisher=publisher,
            cursors=publisher,
            schemas=SCHEMAS,
            options=FileAgentOptions(spool_directory=spools),
            clock=lambda: NOW,
            stdin=io.BytesIO(content),
        )

    full = rf"disk of {spools}.* is full"
    with room_for(ROOM), pytest.raises(OurMistake, match=full):
        await ingest()
    assert list(spools.iterdir()) == []
    assert publisher.calls == 0
    await ingest()
    published = Counter(row["id"] for row in publisher.records(WEB_LOGS, SCHEMAS))
    assert published == Counter(row["key"]["id"] for row in rows)


async def test_what_is_unpacked_counts_as_spool(tmp_path: Path) -> None:
    path, publisher = tmp_path / "a.parquet.gz", MemoryPublisher()
    path.write_bytes(gzip.compress(exported(some_rows(2000), "parquet", packed=False)))
    with pytest.raises(OurMistake, match="need more than 0 MiB of spool"):
        await ingest_web_logs_files(
            [str(path)],
            publisher=publisher,
            cursors=publisher,
            schemas=SCHEMAS,
            options=FileAgentOptions(spool_directory=tmp_path / "spools", spool_limit=ROOM),
            clock=lambda: NOW,
        )
    assert publisher.calls == 0
