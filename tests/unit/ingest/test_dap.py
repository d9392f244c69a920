"""The DAP agent: every row of every window once, in order, through any restart."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.marks import Mark
from pipeline.domain.errors import Unavailable
from pipeline.domain.event_time import HOUR
from pipeline.ingest.dap.cursor import micros_of
from tests.support.added_up import settled, total
from tests.support.canvas.dap_run import SCHEMAS, DapRun
from tests.support.canvas.dap_server import DapServer
from tests.support.memory_publisher import MemoryPublisher
from tests.support.raw_files import NOW, delete, micros, row_at

FORMATS = ["jsonl", "csv", "tsv", "parquet"]


def ids_of(documents: list[dict[str, Any]]) -> Counter[str]:
    return Counter(d["key"]["id"] for d in documents if "value" in d)


@pytest.mark.parametrize("kind", FORMATS)
async def test_the_first_run_takes_a_snapshot_and_later_ones_what_is_new(kind: str) -> None:
    first, second = [row_at(m) for m in range(0, 200, 9)], [row_at(m) for m in range(200, 260, 7)]
    async with DapServer() as server:
        run = DapRun(server)
        server.commit([*first, delete()])
        cursor = await run.start(format=kind)
        assert cursor is not None
        assert (cursor.since, cursor.until, cursor.windows) == ("2026-02-15T08:00:00Z", None, 1)
        server.now += timedelta(hours=4)
        server.commit(second)
        cursor = await run.start(format=kind)
        assert cursor is not None
        assert (cursor.windows, cursor.published, cursor.deletes) == (2, len(first + second), 1)
    assert run.ids() == ids_of(first + second)
    assert sum(run.erased().values()) == 1
    assert server.misplaced_tokens == 0
    assert [news.event for news in run.news] == ["window", "window"]


async def test_since_begins_the_first_window_and_is_forgotten_then() -> None:
    async with DapServer() as server:
        run = DapRun(server)
        old, new = row_at(1), row_at(300)
        server.commit([old], datetime.fromisoformat("2026-02-15T02:00:00Z"))
        server.commit([new], datetime.fromisoformat("2026-02-15T07:00:00Z"))
        since = datetime.fromisoformat("2026-02-15T05:00:00Z")
        await run.start(since=since)
        assert run.ids() == ids_of([new])
        cursor = await run.start(since=since)
        assert cursor is not None
        assert cursor.since == "2026-02-15T08:00:00Z"
    assert run.ids() == ids_of([new])


async def test_hours_go_out_in_order_with_a_mark_after_each_and_one_at_the_end() -> None:
    async with DapServer(3) as server:
        run = DapRun(server, clock=lambda: micros_of("2026-02-15T08:30:00Z"))
        server.commit([row_at(m) for m in range(0, 420, 4)])
        cursor = await run.start()
    for partition in run.times():
        mark = 0
        for item in partition:
            if isinstance(item, Mark):
                assert item.at > mark
                mark = item.at
            else:
                assert item >= mark
        assert mark == micros_of("2026-02-15T08:00:00Z") - HOUR
        hours = [item // HOUR for item in partition if isinstance(item, int)]
        assert hours == sorted(hours)
    assert cursor is not None
    assert cursor.next_at == micros_of("2026-02-15T08:00:00Z") + 4 * HOUR + HOUR // 6


async def test_a_correction_is_published_again_and_a_delete_is_an_erasure() -> None:
    async with DapServer() as server:
        run = DapRun(server)
        rows = [row_at(m) for m in range(5)]
        server.commit(rows)
        await run.start()
        server.now += timedelta(hours=4)
        corrected = {**rows[0], "value": {**rows[0]["value"], "http_status": 500}}
        server.commit([corrected, {"key": rows[1]["key"], "meta": {"action": "D"}}])
        await run.start()
    assert run.ids() == ids_of(rows) + ids_of([corrected])
    assert run.erased() == Counter([rows[1]["key"]["id"]])


async def test_an_empty_window_moves_no_row_and_is_asked_for_again_soon() -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.commit([row_at(1)])
        await run.start()
        cursor = await run.start()
    assert cursor is not None
    assert (cursor.windows, cursor.published) == (1, 1)
    assert cursor.next_at == NOW + HOUR // 4


async def test_what_comes_after_an_empty_answer_is_not_hidden_by_its_job() -> None:
    """DAP gives the job of an equal question again; rows of the overlap are not doubled."""
    async with DapServer() as server:
        run = DapRun(server)
        first, second = row_at(1), row_at(2)
        server.commit([first, delete()], datetime.fromisoformat("2026-02-15T07:59:59.5Z"))
        await run.start()
        await run.start()
        server.now += timedelta(hours=4)
        server.commit([second])
        cursor = await run.start()
    assert cursor is not None
    assert (cursor.windows, cursor.empty) == (2, 0)
    assert run.ids() == ids_of([first, second])
    assert run.erased().total() == 1


async def test_it_goes_on_window_after_window_until_it_is_stopped() -> None:
    async with DapServer() as server:
        run = DapRun(server)
        expected: list[dict[str, Any]] = []

        def more(_: object) -> None:
            if len(run.news) == 4:
                run.stopping.set()
            server.now += timedelta(hours=4)
            expected.append(row_at(len(run.news)))
            server.commit([expected[-1]])

        run.heard = more
        more(None)
        await asyncio.wait_for(run.start(once=False, again=0, every=0), 30)
    assert run.news[-1].event == "stopped"
    assert [news.event for news in run.news[:4]] == ["window"] * 4
    assert run.ids() == ids_of(expected[:4])


@settings(max_examples=5, deadline=None)
@given(st.data())
def test_a_run_cut_anywhere_and_run_again_publishes_every_row_once(data: st.DataObject) -> None:
    asyncio.run(_crash_and_rerun(data))


async def _crash_and_rerun(data: st.DataObject) -> None:
    """Whether the objects still hold, or the window has to be asked for again, and shuffled."""
    kinds = st.integers(-1, 9)
    async with DapServer(data.draw(st.integers(0, 9))) as server:
        server.polls = 0
        run = DapRun(server, MemoryPublisher(data.draw(st.integers(1, 3))))
        calls = st.sets(st.integers(1, 9), max_size=2)
        run.publisher.fail_before, run.publisher.fail_after = data.draw(calls), data.draw(calls)
        everything: list[dict[str, Any]] = []
        for number in range(data.draw(st.integers(1, 2))):
            window = [
                delete() if kind < 0 else _bad() if kind == 0 else row_at(60 * number + 17 * kind)
                for kind in data.draw(st.lists(kinds, max_size=15))
            ]
            everything += window
            server.commit(window)
            batch_rows = data.draw(st.integers(1, 9))
            await _until_done(run, batch_rows, data)
            server.now += timedelta(hours=4)
    good = [d for d in everything if d.get("value", {}).get("url")]
    assert run.ids() == ids_of(good)
    assert run.erased() == Counter(d["key"]["id"] for d in everything if "value" not in d)
    dead = Counter(letter["payload"] for letter in run.dead())
    assert len(dead) == len(everything) - len(good) - sum(run.erased().values())
    assert all(count == 1 for count in dead.values())


@settings(max_examples=5, deadline=None)
@given(st.data())
def test_read_is_what_came_of_it_and_what_dap_gave_twice_through_any_restart(
    data: st.DataObject,
) -> None:
    asyncio.run(_count_through_crashes(data))


async def _count_through_crashes(data: st.DataObject) -> None:
    kinds = st.lists(st.integers(-1, 9), min_size=1, max_size=12)
    async with DapServer(data.draw(st.integers(0, 9))) as server:
        server.polls = 0
        run = DapRun(server, MemoryPublisher(data.draw(st.integers(1, 3))))
        calls = st.sets(st.integers(1, 9), max_size=2)
        run.publisher.fail_before, run.publisher.fail_after = data.draw(calls), data.draw(calls)
        given_once = given_twice = 0
        for number in range(2):
            window = [
                delete() if kind < 0 else _bad() if kind == 0 else row_at(60 * number + 17 * kind)
                for kind in data.draw(kinds)
            ]
            server.copies = data.draw(st.integers(0, len(window)))
            given_once += len(window)
            given_twice += server.copies
            server.commit(window)
            await _until_done(run, data.draw(st.integers(1, 9)), data, forget=False)
            server.now += timedelta(hours=4)
    hours = settled(run.publisher, SCHEMAS)
    assert total(hours, "repeated") == given_twice
    assert total(hours, "read") == given_once + given_twice


async def test_rows_of_the_window_before_that_come_again_are_read_and_repeated() -> None:
    """Where a question begins a little early: each in its hour, deletes when they were read."""
    async with DapServer() as server:
        run = DapRun(server)
        rows = [row_at(1), row_at(2), row_at(90)]
        server.commit([*rows, delete()], datetime.fromisoformat("2026-02-15T07:59:59.5Z"))
        await run.start()
        await run.start()  # nothing new: the next question begins earlier
        server.now += timedelta(hours=4)
        server.commit([row_at(3)])
        await run.start()
        left = run.figures.rows["left"]
    hours = settled(run.publisher, SCHEMAS)
    assert left == 4
    found = {start: (here["read"], here["repeated"]) for (_, start), here in hours.items()}
    assert found == {micros(0): (5, 2), micros(60): (2, 1), NOW: (2, 1)}


async def _until_done(
    run: DapRun, batch_rows: int, data: st.DataObject, *, forget: bool = True
) -> None:
    for _ in range(20):
        try:
            await run.start(batch_rows=batch_rows, max_bad_share=1.0)
        except Unavailable:
            if forget and data.draw(st.booleans()):
                run.server.forget_jobs()
            continue
        return
    raise AssertionError("the agent does not get through")


def _bad() -> dict[str, Any]:
    return row_at(3, url=...)


@pytest.mark.parametrize("first", [None, datetime.fromisoformat("2026-02-15T00:00:00Z")])
async def test_what_is_corrected_between_two_downloads_is_neither_lost_nor_doubled(
    first: datetime | None,
) -> None:
    """A window asked for again lacks what was touched since; a snapshot has what came since."""
    rows = [row_at(m) for m in range(0, 120, 2)]
    async with DapServer() as server:
        run = DapRun(server)
        server.commit(rows)
        run.publisher.fail_before = {4}
        with pytest.raises(Unavailable):
            await run.start(since=first)
        published = set(run.ids())
        assert 0 < len(published) < len(rows)
        server.forget_jobs()
        server.now += timedelta(hours=4)
        touched = [r for r in rows if r["key"]["id"] in published][:3]
        waiting = [r for r in rows if r["key"]["id"] not in published][:3]
        new = [row_at(1), row_at(119)]
        server.commit([*touched, *waiting, *new])
        await run.start(since=first)
        await run.start(since=first)
    assert run.ids() == ids_of(rows) + ids_of(touched) + ids_of(new)
