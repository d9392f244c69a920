"""The agent for web_logs files: exactly once, by hour, with marks, accounted for."""

import asyncio
import io
import random
from collections import Counter
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.marks import Mark
from pipeline.codecs.partitioner import partition_of
from pipeline.domain.errors import OurMistake, TooManyBadRecords, Unavailable
from pipeline.domain.event_time import HOUR
from pipeline.ingest.options import FileAgentOptions
from pipeline.ingest.totals import IngestTotals
from pipeline.ingest.web_log_files import ingest_web_logs_files
from tests.support.avro_schemas import project_schemas
from tests.support.memory_publisher import MemoryPublisher
from tests.support.raw_files import NOW, delete, micros, row_at, write_lines

SCHEMAS = project_schemas()
ROWS = "canvas.web_logs.v1"
SMALL = FileAgentOptions(batch_rows=7)


async def ingest(
    publisher: MemoryPublisher,
    *paths: Path | str,
    options: FileAgentOptions = SMALL,
    now: int = NOW,
    stdin: bytes | None = None,
) -> IngestTotals:
    totals = await ingest_web_logs_files(
        [str(path) for path in paths],
        publisher=publisher,
        cursors=publisher,
        schemas=SCHEMAS,
        options=options,
        clock=lambda: now,
        stdin=None if stdin is None else io.BytesIO(stdin),
    )
    assert totals.balanced
    return totals


def ids(publisher: MemoryPublisher) -> Counter[str]:
    return Counter(record["id"] for record in publisher.records(ROWS, SCHEMAS))


def ids_of(documents: list[Any]) -> Counter[str]:
    return Counter(d["key"]["id"] for d in documents if isinstance(d, dict) and "value" in d)


def marks(publisher: MemoryPublisher, partition: int = 0) -> list[int]:
    found = publisher.in_order(ROWS, SCHEMAS)[partition]
    return [item.at for item in found if isinstance(item, Mark)]


async def test_rows_deletes_and_dead_letters_add_up(tmp_path: Path) -> None:
    documents = [row_at(5), delete(), b"{", row_at(70), row_at(3000), row_at(20)]
    publisher = MemoryPublisher()
    totals = await ingest(publisher, write_lines(tmp_path / "a.jsonl", documents))
    assert (totals.read, totals.published, totals.deletes, totals.dead) == (6, 3, 1, 2)
    [erasure] = publisher.records("canvas.erasures.v1", SCHEMAS)
    assert (erasure["kind"], erasure["subject"]) == ("request", documents[1]["key"]["id"])
    letters = publisher.records("canvas.dead_letters.v1", SCHEMAS)
    assert [(letter["location"], letter["reason"]) for letter in letters] == [
        ("a.jsonl:3", "json"),
        ("a.jsonl:5", "time"),
    ]
    assert {letter["source"] for letter in letters} == {"web-logs-files:a.jsonl"}


async def test_hours_go_out_in_order_with_a_mark_after_each(tmp_path: Path) -> None:
    documents = [row_at(minute) for minute in range(0, 300, 3)]
    random.Random(1).shuffle(documents)
    publisher = MemoryPublisher()
    totals = await ingest(publisher, write_lines(tmp_path / "a.jsonl", documents))
    for partition in publisher.in_order(ROWS, SCHEMAS):
        mark = 0
        hours = []
        for item in partition:
            if isinstance(item, Mark):
                assert item.feed == "web_logs"
                assert item.at > mark
                mark = item.at
            else:
                hours.append(item["timestamp"] // HOUR)
                assert item["timestamp"] >= mark
        assert hours == sorted(hours)
    assert marks(publisher)[-1] == micros(297) - HOUR == totals.mark
    assert len({tuple(marks(publisher, p)) for p in range(publisher.partitions(ROWS))}) == 1


async def test_every_row_is_on_the_partition_of_its_key(tmp_path: Path) -> None:
    publisher = MemoryPublisher(partitions=5)
    await ingest(publisher, write_lines(tmp_path / "a.jsonl", [row_at(m) for m in range(40)]))
    for partition, log in enumerate(publisher.topics[ROWS]):
        keys = pa.array([record.key for record in log if record.key is not None], pa.binary())
        assert set(partition_of(keys, 5).tolist()) <= {partition}
    records = publisher.records(ROWS, SCHEMAS)
    assert {record["session_id"].encode() for record in records} == {
        record.key for log in publisher.topics[ROWS] for record in log if record.key
    }


async def test_a_content_is_published_once_whatever_its_name(tmp_path: Path) -> None:
    documents = [row_at(m) for m in range(30)]
    plain = write_lines(tmp_path / "a.jsonl", documents)
    packed = write_lines(tmp_path / "b.jsonl.gz", documents)
    publisher = MemoryPublisher()
    first = await ingest(publisher, plain, packed)
    again = await ingest(publisher, plain)
    other = await ingest(publisher, "-", stdin=plain.read_bytes())
    assert (first.skipped_files, again.skipped_files, other.skipped_files) == (1, 1, 1)
    assert (again.read, other.read) == (0, 0)
    assert ids(publisher) == ids_of(documents)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_run_cut_anywhere_and_run_again_publishes_every_row_once(data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        asyncio.run(_crash_and_rerun(data, Path(name)))


async def _crash_and_rerun(data: st.DataObject, directory: Path) -> None:
    kinds = st.integers(0, 9).map(lambda kind: kind if kind > 1 else kind - 2)
    contents: list[list[Any]] = []
    paths: list[Path] = []
    for number in range(data.draw(st.integers(1, 3))):
        documents: list[Any] = []
        for kind in data.draw(st.lists(kinds, max_size=25)):
            if kind == -2:
                documents.append(delete())
            elif kind == -1:
                documents.append(f"{{{len(documents)}".encode())
            else:
                # Kind 9 is in the future when it is first read, and is not when it is read again.
                documents.append(row_at(24 * 60 + 90 if kind == 9 else kind * 37))
        contents.append(documents)
        paths.append(write_lines(directory / f"{number}.jsonl", documents))
    publisher = MemoryPublisher(data.draw(st.integers(1, 3)))
    calls = st.sets(st.integers(1, 12), max_size=4)
    publisher.fail_before, publisher.fail_after = data.draw(calls), data.draw(calls)
    options = FileAgentOptions(batch_rows=data.draw(st.integers(1, 9)), late_ok=True)
    now = NOW
    for _ in range(20):
        chosen = data.draw(st.permutations(paths)) if now < NOW + 5 * HOUR else paths
        some = chosen[: data.draw(st.integers(1, len(paths)))] if now < NOW + 5 * HOUR else paths
        try:
            await ingest(publisher, *some, options=options, now=now)
        except Unavailable:
            now += HOUR
            continue
        if len(some) == len(paths):
            break
        now += HOUR
    rows = {i for documents in contents for i in ids_of(documents)}
    published = ids(publisher)
    assert all(count == 1 for count in published.values())
    letters = publisher.records("canvas.dead_letters.v1", SCHEMAS)
    located = Counter((letter["source"], letter["location"]) for letter in letters)
    assert all(count == 1 for count in located.values())
    erased = Counter(r["subject"] for r in publisher.records("canvas.erasures.v1", SCHEMAS))
    assert all(count == 1 for count in erased.values())
    broken = {bytes(d) for documents in contents for d in documents if isinstance(d, bytes)}
    assert set(published) <= rows
    unique = {tuple(map(str, documents)): documents for documents in contents}
    read = sum(len(documents) for documents in unique.values())
    assert len(published) + len(letters) + len(erased) == read
    assert len({letter["payload"] for letter in letters} & broken) == len(broken)
    for partition in range(publisher.partitions(ROWS)):
        assert all(one < two for one, two in pairwise(marks(publisher, partition)))


async def test_a_file_behind_the_watermark_is_refused_with_the_reason(tmp_path: Path) -> None:
    publisher = MemoryPublisher()
    await ingest(publisher, write_lines(tmp_path / "a.jsonl", [row_at(600)]))
    old = write_lines(tmp_path / "old.jsonl", [row_at(60)])
    with pytest.raises(OurMistake, match=r"old.jsonl ends at 2026-02-15T01:00:00Z.*--late-ok"):
        await ingest(publisher, old)
    assert len(ids(publisher)) == 1
    await ingest(publisher, old, options=FileAgentOptions(late_ok=True))
    assert len(ids(publisher)) == 2
    assert marks(publisher) == [micros(540)]


async def test_too_many_bad_records_stop_before_anything_is_published(tmp_path: Path) -> None:
    documents = [*(row_at(1) for _ in range(500)), *(b"{" for _ in range(150))]
    path = write_lines(tmp_path / "a.jsonl", documents)
    publisher = MemoryPublisher()
    with pytest.raises(TooManyBadRecords, match=r"a.jsonl:501: json.*a.jsonl:502.*a.jsonl:503"):
        await ingest(publisher, path)
    assert publisher.calls == 0
    totals = await ingest(publisher, path, options=FileAgentOptions(max_bad_share=0.9))
    assert totals.dead == 150


async def test_a_damaged_file_stops_before_anything_is_published(tmp_path: Path) -> None:
    whole = write_lines(tmp_path / "a.jsonl.gz", [row_at(m / 7) for m in range(3000)])
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(whole.read_bytes()[:-2000])
    publisher = MemoryPublisher()
    with pytest.raises(OurMistake, match=r"cut.jsonl.gz is damaged"):
        await ingest(publisher, whole, cut)
    assert publisher.calls == 0


async def test_an_empty_file_is_done_at_once(tmp_path: Path) -> None:
    publisher = MemoryPublisher()
    path = write_lines(tmp_path / "a.jsonl", [])
    assert (await ingest(publisher, path)).read == 0
    assert (await ingest(publisher, path)).skipped_files == 1


async def test_nothing_is_left_on_the_disk(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    options = FileAgentOptions(spool_directory=spool)
    (spool / "canvas-telemetry-spool-999999999-x").mkdir(parents=True)
    publisher = MemoryPublisher()
    publisher.fail_before = {1}
    path = write_lines(tmp_path / "a.jsonl", [row_at(1)])
    with pytest.raises(Unavailable):
        await ingest(publisher, path, options=options)
    assert list(spool.iterdir()) == []


async def test_the_spool_is_bounded(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [row_at(1)])
    with pytest.raises(OurMistake, match="of spool"):
        await ingest(MemoryPublisher(), path, options=FileAgentOptions(spool_limit=100))
