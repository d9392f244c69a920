"""The agent for Live Events files: exactly once, in order, with marks."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.marks import Mark
from pipeline.detect.detection import Detection
from pipeline.domain.errors import OurMistake, TooManyBadRecords, Unavailable
from pipeline.domain.event_time import HOUR, EventTimeRules
from pipeline.engine.replay import Replay
from pipeline.engine.stage import Block, MarkBlock
from pipeline.ingest.live_event_files import ingest_live_events_files
from pipeline.ingest.options import FileAgentOptions
from pipeline.ingest.totals import IngestTotals
from tests.support.avro_schemas import project_schemas
from tests.support.memory_publisher import MemoryPublisher
from tests.support.raw_files import NOW, event_at, micros, write_array, write_lines

SCHEMAS = project_schemas()
EVENTS = "canvas.live_events.v1"
SMALL = FileAgentOptions(batch_rows=4)


async def ingest(
    publisher: MemoryPublisher,
    *paths: Path,
    options: FileAgentOptions = SMALL,
    now: int = NOW,
) -> IngestTotals:
    totals = await ingest_live_events_files(
        [str(path) for path in paths],
        publisher=publisher,
        cursors=publisher,
        schemas=SCHEMAS,
        options=options,
        clock=lambda: now,
    )
    assert totals.balanced
    return totals


def requests(publisher: MemoryPublisher) -> Counter[str]:
    return Counter(record["request_id"] for record in publisher.records(EVENTS, SCHEMAS))


def marks(publisher: MemoryPublisher, partition: int = 0) -> list[int]:
    found = publisher.in_order(EVENTS, SCHEMAS)[partition]
    return [item.at for item in found if isinstance(item, Mark)]


def requests_of(events: list[Any]) -> Counter[str]:
    return Counter(event["metadata"]["request_id"] for event in events)


async def test_every_shape_of_file_gives_its_events(tmp_path: Path) -> None:
    events = [event_at(minute) for minute in range(12)]
    paths = [
        write_lines(tmp_path / "lines.jsonl", events[:3]),
        write_lines(tmp_path / "packed.jsonl.gz", events[3:6]),
        write_array(tmp_path / "array.json", events[6:8]),
        write_lines(tmp_path / "arrays.jsonl", [events[8:10]]),
        tmp_path / "pretty.json",
    ]
    paths[-1].write_text("\n".join(json.dumps(event, indent=1) for event in events[10:]))
    publisher = MemoryPublisher()
    totals = await ingest(publisher, tmp_path)
    assert (totals.files, totals.read, totals.published, totals.dead) == (5, 12, 12, 0)
    assert requests(publisher) == requests_of(events)


async def test_a_bad_line_is_dead_and_its_neighbours_are_not(tmp_path: Path) -> None:
    events = [event_at(1), b"{", b'{"a":1}', event_at(2)]
    publisher = MemoryPublisher()
    totals = await ingest(publisher, write_lines(tmp_path / "a.jsonl", events))
    assert (totals.published, totals.dead) == (2, 2)
    letters = publisher.records("canvas.dead_letters.v1", SCHEMAS)
    assert [letter["location"] for letter in letters] == ["a.jsonl:2", "a.jsonl:3"]
    assert {letter["feed"] for letter in letters} == {"live_events"}


async def test_a_broken_first_line_costs_itself_only(tmp_path: Path) -> None:
    events = [event_at(1), event_at(2)]
    publisher = MemoryPublisher()
    totals = await ingest(publisher, write_lines(tmp_path / "a.jsonl", [b'{"a":', *events]))
    assert (totals.published, totals.dead) == (2, 1)
    assert requests(publisher) == requests_of(events)


async def test_hours_go_out_in_order_with_a_mark_after_each(tmp_path: Path) -> None:
    events = [event_at(minute) for minute in range(0, 300, 3)]
    random.Random(1).shuffle(events)
    publisher = MemoryPublisher()
    await ingest(publisher, write_lines(tmp_path / "a.jsonl", events))
    for partition in publisher.in_order(EVENTS, SCHEMAS):
        mark, hours = 0, []
        for item in partition:
            if isinstance(item, Mark):
                assert item.feed == "live_events"
                assert item.at > mark
                mark = item.at
            else:
                assert item["event_time"] >= mark
                hours.append(item["event_time"] // HOUR)
        assert hours == sorted(hours)
    ends = [micros(60 * hour) for hour in range(1, 4)]
    assert marks(publisher) == [*ends, micros(297) - HOUR]
    assert len({tuple(marks(publisher, p)) for p in range(publisher.partitions(EVENTS))}) == 1


async def test_rows_of_a_transaction_are_in_the_order_of_their_times(tmp_path: Path) -> None:
    events = [event_at(minute) for minute in (5, 1, 4, 2, 3)]
    publisher = MemoryPublisher(partitions=1)
    options = FileAgentOptions()
    await ingest(publisher, write_lines(tmp_path / "a.jsonl", events), options=options)
    [log] = publisher.in_order(EVENTS, SCHEMAS)
    times = [item["event_time"] for item in log if not isinstance(item, Mark)]
    assert times == [micros(minute) for minute in range(1, 6)]


async def test_marks_never_go_back_from_one_run_to_the_next(tmp_path: Path) -> None:
    publisher = MemoryPublisher()
    events = [event_at(minute) for minute in (10, 500, 300, 20)]
    totals = await ingest(publisher, write_lines(tmp_path / "a.jsonl", events))
    assert totals.mark == micros(500) - HOUR
    again = await ingest(publisher, write_lines(tmp_path / "b.jsonl", [event_at(470)]))
    assert again.mark == micros(500) - HOUR
    for partition in range(publisher.partitions(EVENTS)):
        found = marks(publisher, partition)
        assert found == sorted(set(found))
        assert found[-1] == micros(500) - HOUR


async def test_files_of_several_hosts_make_no_row_late(tmp_path: Path) -> None:
    for host in range(3):
        events = [event_at(minute + host) for minute in range(0, 24 * 60, 5)]
        write_lines(tmp_path / f"{host}.jsonl", events)
    rules = EventTimeRules(feeds=("live_events",))
    publisher = ReplayPublisher(rules)
    await ingest_live_events_files(
        [str(tmp_path)],
        publisher=publisher,
        cursors=MemoryPublisher(),
        schemas=SCHEMAS,
        options=FileAgentOptions(batch_rows=100),
        clock=lambda: NOW,
    )
    publisher.run.close()
    tally = publisher.run.tallies["live_events"]
    assert (tally.consumed, tally.late, tally.in_sessions) == (864, 0, 864)


class ReplayPublisher:
    """Publishes into the engine at once."""

    def __init__(self, rules: EventTimeRules) -> None:
        self.run = Replay(
            rules, SCHEMAS, Detection([]), lambda _chunk: None, published_ms=NOW // 1000
        )

    def partitions(self, topic: str) -> int:
        del topic
        return 1

    async def publish(self, blocks: Sequence[Block | MarkBlock]) -> list[int]:
        return self.run.publish(blocks)


async def test_a_file_behind_the_watermark_is_refused_with_the_reason(tmp_path: Path) -> None:
    publisher = MemoryPublisher()
    await ingest(publisher, write_lines(tmp_path / "a.jsonl", [event_at(600)]))
    old = write_lines(tmp_path / "old.jsonl", [event_at(60)])
    with pytest.raises(
        OurMistake,
        match=r"stands at 2026-02-15T09:00:00Z, and old.jsonl ends at 2026-02-15T01:00:00Z: rows "
        r"behind it may be late.*--late-ok",
    ):
        await ingest(publisher, old)
    assert publisher.records(EVENTS, SCHEMAS)[1:] == []
    await ingest(publisher, old, options=FileAgentOptions(late_ok=True))
    assert len(publisher.records(EVENTS, SCHEMAS)) == 2
    assert marks(publisher) == [micros(540)]


async def test_a_file_cut_off_in_the_middle_is_not_refused_when_it_is_given_again(
    tmp_path: Path,
) -> None:
    short = [event_at(minute) for minute in range(10)]
    paths = [
        write_lines(tmp_path / "a.jsonl", short),
        write_lines(tmp_path / "b.jsonl", [event_at(minute) for minute in range(0, 600, 20)]),
    ]
    publisher = MemoryPublisher()
    publisher.fail_before = {6}
    with pytest.raises(Unavailable):
        await ingest(publisher, *paths)
    assert marks(publisher)[-1] > micros(10)
    assert (await ingest(publisher, paths[0])).already == 10
    await ingest(publisher, *reversed(paths))
    assert set(requests(publisher).values()) == {1}
    assert len(requests(publisher)) == 40


async def test_a_content_is_published_once_whatever_its_name(tmp_path: Path) -> None:
    events = [event_at(minute) for minute in range(30)]
    plain = write_lines(tmp_path / "a.jsonl", events)
    packed = write_lines(tmp_path / "b.jsonl.gz", events)
    publisher = MemoryPublisher()
    first = await ingest(publisher, plain, packed)
    again = await ingest(publisher, plain)
    assert (first.skipped_files, again.skipped_files, again.read) == (1, 1, 0)
    assert requests(publisher) == requests_of(events)


async def test_a_damaged_file_stops_before_anything_is_published(tmp_path: Path) -> None:
    whole = write_lines(tmp_path / "a.jsonl.gz", [event_at(m / 7) for m in range(3000)])
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(whole.read_bytes()[:-2000])
    publisher = MemoryPublisher()
    with pytest.raises(OurMistake, match=r"cut.jsonl.gz is damaged"):
        await ingest(publisher, whole, cut)
    assert publisher.calls == 0


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_run_cut_anywhere_and_run_again_publishes_every_event_once(data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        asyncio.run(_crash_and_rerun(data, Path(name)))


async def _crash_and_rerun(data: st.DataObject, directory: Path) -> None:
    contents = [
        _documents(number, data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=20)))
        for number in range(data.draw(st.integers(1, 3)))
    ]
    paths = [
        write_lines(directory / f"{number}.jsonl", documents)
        for number, documents in enumerate(contents)
    ]
    publisher = MemoryPublisher(2)
    calls = st.sets(st.integers(1, 15), max_size=5)
    publisher.fail_before, publisher.fail_after = data.draw(calls), data.draw(calls)
    options = FileAgentOptions(batch_rows=data.draw(st.integers(1, 6)), late_ok=True)
    # The last kind is in the future when it is first read, and no more when it is read again.
    now, published = NOW, False
    while not published:
        chosen = data.draw(st.permutations(paths))[: data.draw(st.integers(1, len(paths)))]
        some = chosen if now < NOW + 5 * HOUR else paths
        try:
            await ingest(publisher, *some, options=options, now=now)
            published = len(some) == len(paths)
        except Unavailable:
            pass
        now += HOUR
    letters = publisher.records("canvas.dead_letters.v1", SCHEMAS)
    located = Counter((letter["source"], letter["location"]) for letter in letters)
    assert set(located.values()) <= {1}
    assert set(requests(publisher).values()) <= {1}
    events = [event for documents in contents for d in documents for event in _flat(d)]
    assert len(requests(publisher)) + len(letters) == len(events)
    good = [e for e in events if isinstance(e, dict) and e["metadata"]["event_time"] < "2026-02-16"]
    assert requests_of(good) <= requests(publisher)
    for partition in range(2):
        assert all(one < two for one, two in pairwise(marks(publisher, partition)))


def _documents(number: int, kinds: list[int]) -> list[Any]:
    """Return what a file holds: bad lines, arrays, events of several hours and of the future."""
    documents: list[Any] = []
    for kind in kinds:
        if kind == 0:
            documents.append(f"{{{number} {len(documents)}}}".encode())
        elif kind == 1:
            documents.append([event_at(kind), event_at(kind + 200)])
        else:
            documents.append(event_at(24 * 60 + 90 if kind == 9 else kind * 37))
    return documents


def _flat(document: Any) -> list[Any]:
    return document if isinstance(document, list) else [document]


async def test_too_many_bad_records_stop_before_anything_is_published(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [*(event_at(m) for m in range(100)), *[b"{]}"] * 300])
    publisher = MemoryPublisher()
    with pytest.raises(TooManyBadRecords, match=r"First reasons: a.jsonl:101: json"):
        await ingest(publisher, path)
    assert publisher.calls == 0


async def test_another_format_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(OurMistake, match=r"a.parquet is PARQUET.*come as JSONL"):
        await ingest(MemoryPublisher(), tmp_path)
