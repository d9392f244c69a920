"""Whatever Canvas and Kafka do, every event is on the topic once."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import OurMistake
from pipeline.domain.event_time import HOUR, MINUTE
from tests.support.added_up import settled, total
from tests.support.canvas.audit_run import NOW, SCHEMAS, AuditRun, happened
from tests.support.canvas.audit_server import SECOND, FakeCanvas, served

HALF_SECOND = SECOND // 2


@settings(max_examples=15)
@given(
    offsets=st.lists(st.integers(0, 40 * HALF_SECOND // 5), max_size=60),
    per_page=st.integers(2, 7),
)
async def test_events_that_share_the_second_of_a_page_edge_are_all_published_once(
    offsets: list[int], per_page: int
) -> None:
    # At most one microsecond apart where they meet: a page of them never shares an instant.
    times = [NOW - HOUR + offset + number * SECOND // 50 for number, offset in enumerate(offsets)]
    events = [happened(number, at) for number, at in enumerate(times)]
    async with served(FakeCanvas(events, most_per_page=per_page)) as canvas:
        run = AuditRun(canvas)
        await run.round()
        assert run.ids == run.source()


async def test_more_events_than_a_page_in_one_second_are_all_published() -> None:
    events = [happened(number, NOW - HOUR + number * 2_500) for number in range(400)]
    async with served(FakeCanvas(events, most_per_page=100)) as canvas:
        run = AuditRun(canvas)
        await run.round()
        assert run.ids == run.source()
        assert run.figures.requests["crowded"] == 0


async def test_links_lead_on_where_more_events_than_a_page_share_an_instant() -> None:
    events = [happened(number, NOW - HOUR) for number in range(5)]
    older = [happened(number + 10, NOW - HOUR - 3 * SECOND - number) for number in range(3)]
    async with served(FakeCanvas(events + older, most_per_page=3)) as canvas:
        run = AuditRun(canvas)
        await run.round()
        # This Canvas shows no more than a page of the same instant to anybody; it is counted.
        assert len(run.ids) == len(set(run.ids)) == 3 + 3
        assert run.figures.requests["crowded"] > 0


async def test_overlapping_windows_publish_late_events_and_no_event_twice() -> None:
    events = [happened(number, NOW - number * 3 * MINUTE) for number in range(30)]
    async with served(FakeCanvas(events)) as canvas:
        run = AuditRun(canvas)
        await run.round()
        for turn in range(4):
            run.later()
            canvas.add(happened(100 + turn, run.now - 50 * MINUTE))  # shown late
            canvas.add(happened(200 + turn, run.now - MINUTE))
            await run.round()
        assert run.ids == run.source()
        hours = settled(run.publisher, SCHEMAS)
        assert total(hours, "repeated") == run.figures.rows["duplicates"] > 0
        assert total(hours, "read") == run.figures.rows["read"]


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32))
async def test_a_round_cut_off_anywhere_loses_and_doubles_nothing(seed: int) -> None:
    rng = random.Random(seed)
    canvas = FakeCanvas(
        [
            happened(number, NOW - rng.randrange(3 * HOUR), account=rng.choice((1, 2, 3)))
            for number in range(150)
        ],
        parents={1: None, 2: 1, 3: 2},
        most_per_page=rng.choice((4, 10, 100)),
    )
    async with served(canvas):
        run = AuditRun(canvas)
        await run.round(since=NOW - 4 * HOUR)
        for turn in range(3):
            run.later()
            canvas.add(
                *(
                    happened(1000 * turn + number + 1000, run.now - rng.randrange(HOUR), account=2)
                    for number in range(40)
                )
            )
            calls = range(run.publisher.calls + 1, run.publisher.calls + 12)
            run.publisher.fail_before |= set(rng.sample(calls, 3))
            run.publisher.fail_after |= set(rng.sample(calls, 3))
            await run.through_failures(batch_rows=rng.choice((1, 7, 30)))
        assert run.ids == run.source()
        # What a failed transaction had read is read again: counted is what was committed.
        assert total(settled(run.publisher, SCHEMAS), "read") <= run.figures.rows["read"]


async def test_a_stopped_agent_goes_on_in_the_middle_of_a_window() -> None:
    events = [happened(number, NOW - HOUR - number * SECOND) for number in range(100)]
    async with served(FakeCanvas(events, most_per_page=10)) as canvas:
        run = AuditRun(canvas)
        seen = canvas.requests

        class StopsAfterFive(Counter[str]):
            def __setitem__(self, name: str, count: int) -> None:
                super().__setitem__(name, count)
                if self["audit"] == 5:
                    run.stopping.set()

        canvas.requests = StopsAfterFive(seen)
        assert await run.round() is None
        assert 0 < len(run.ids) < 100
        run.stopping.clear()
        canvas.requests = Counter()
        done = await run.round()
        assert done is not None
        assert done.done
        assert run.ids == run.source()
        assert canvas.requests["audit"] < 10  # what was done is not asked for again


async def test_sub_accounts_are_walked_and_events_say_which_account() -> None:
    parents = {1: None, 2: 1, 3: 2, 4: 2, 7: 1}
    events = [happened(number, NOW - MINUTE, account=number) for number in parents]
    async with served(FakeCanvas(events, parents=parents)) as canvas:
        run = AuditRun(canvas)
        await run.round()
        assert run.ids == run.source()
        assert sorted(row["account_id"] for row in run.rows) == sorted(parents)
        assert {row["source"] for row in run.rows} == {f"127.0.0.1/accounts/{n}" for n in parents}


async def test_an_account_that_is_deleted_between_rounds_is_asked_once_more() -> None:
    async with served(FakeCanvas(parents={1: None, 2: 1})) as canvas:
        run = AuditRun(canvas)
        await run.round()
        canvas.add(happened(1, run.now + MINUTE, account=2))
        run.later()
        listed, canvas.parents = canvas.parents, {1: None, 2: None}
        await run.round()
        assert run.ids == run.source()
        assert listed != canvas.parents
        run.later()
        canvas.asked.clear()
        await run.round()
        assert {name for name, _ in canvas.asked} == {"accounts/1"}


async def test_courses_are_polled_one_by_one_deleted_ones_too() -> None:
    events = [happened(1, NOW - MINUTE, course=10), happened(2, NOW, course=20, type="deleted")]
    async with served(FakeCanvas(events, courses={10, 20})) as canvas:
        run = AuditRun(canvas)
        await run.round(courses=(20, 10, 30))
        assert run.ids == run.source()
        assert [name for name, _ in canvas.asked] == ["courses/10", "courses/20", "courses/30"]
        assert run.figures.requests["gone"] == 1


async def test_the_target_does_not_change_in_the_middle_of_a_round() -> None:
    events = [happened(number, NOW - number * SECOND) for number in range(30)]
    async with served(FakeCanvas(events, most_per_page=5)) as canvas:
        run = AuditRun(canvas)
        run.publisher.fail_before = {2}
        assert await run.through_failures(batch_rows=5) == 1
        run.later()
        run.publisher.fail_before = {run.publisher.calls + 2}
        canvas.add(*(happened(100 + number, run.now - number) for number in range(30)))
        with pytest.raises(Exception, match="went away"):
            await run.round(batch_rows=5)
        with pytest.raises(OurMistake, match="half done"):
            await run.round(courses=(1, 2))


async def test_memory_holds_the_ids_of_an_overlap_and_not_of_all_time() -> None:
    events = [happened(number, NOW - number * MINUTE) for number in range(3000)]
    async with served(FakeCanvas(events)) as canvas:
        run = AuditRun(canvas)
        await run.round(since=NOW - 3000 * MINUTE, batch_rows=100)
        cursors = await run.publisher.read("canvas.ingest_cursors.v1")
        slots = sum(b"seen-" in key for key in cursors)
        assert len(run.ids) == 3000
        assert slots < 15  # used again: of 30 transactions an hour's can come twice
