"""What arrives goes out in transactions; nothing is acknowledged before, nothing is lost."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.live_event_rows import RawEvent
from pipeline.codecs.marks import Mark
from pipeline.domain.bad_record import BadRecord
from pipeline.domain.errors import TooManyBadRecords, Unavailable
from pipeline.domain.event_time import MICROS, MINUTE
from pipeline.domain.topics import DEAD_LETTERS, LIVE_EVENTS
from pipeline.engine.stage import Block, MarkBlock
from pipeline.ingest.figures import AgentFigures
from pipeline.ingest.live_batches import LiveBatches, LiveBatchOptions, QueueFull
from pipeline.ingest.tools import AgentTools
from tests.support.added_up import settled, total
from tests.support.avro_schemas import project_schemas
from tests.support.canvas.https_delivery import as_body, canvas_event
from tests.support.memory_publisher import MemoryPublisher
from tests.support.waiting import until

NOW = 1_900_000_000 * MICROS
SCHEMAS = project_schemas()
SOURCE = "live-events-test"


class HeldPublisher(MemoryPublisher):
    """Commits when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.began = 0

    async def publish(self, blocks: Sequence[Block | MarkBlock]) -> list[int]:
        self.began += 1
        await self.go.wait()
        return await super().publish(blocks)


def tools(publisher: MemoryPublisher, now: int = NOW) -> AgentTools:
    return AgentTools(
        publisher=publisher,
        cursors=publisher,
        schemas=SCHEMAS,
        clock=lambda: now,
        stopping=asyncio.Event(),
        figures=AgentFigures(),
    )


def raw(number: int) -> RawEvent:
    return RawEvent(as_body(canvas_event(number)), f"event {number}")


def rows(publisher: MemoryPublisher) -> list[dict[str, Any]]:
    return publisher.records(LIVE_EVENTS.name, SCHEMAS)


def letters(publisher: MemoryPublisher) -> list[dict[str, Any]]:
    return publisher.records(DEAD_LETTERS.name, SCHEMAS)


QUICK = LiveBatchOptions(linger_s=0.0)


async def test_an_event_is_acknowledged_after_its_transaction_and_not_before() -> None:
    publisher = HeldPublisher()
    batches = LiveBatches(tools(publisher), SOURCE, QUICK)
    running = asyncio.ensure_future(batches.run())
    done = batches.offer(raw(1))
    await until(lambda: publisher.began == 1)
    assert not done.done()
    publisher.go.set()
    await done
    batches.close()
    await running
    [row] = rows(publisher)
    assert (row["source"], row["request_id"][-1]) == (SOURCE, "1")


async def test_what_arrives_during_a_transaction_goes_out_together_in_the_next() -> None:
    publisher = HeldPublisher()
    batches = LiveBatches(tools(publisher), SOURCE, QUICK)
    running = asyncio.ensure_future(batches.run())
    first = batches.offer(raw(0))
    await until(lambda: publisher.began == 1)
    rest = [batches.offer(raw(number)) for number in range(1, 100)]
    publisher.go.set()
    await asyncio.gather(first, *rest)
    assert publisher.calls == 2
    assert len(rows(publisher)) == 100
    batches.close()
    await running


async def test_all_that_waits_is_published_before_a_closed_one_ends() -> None:
    publisher = MemoryPublisher()
    batches = LiveBatches(tools(publisher), SOURCE, LiveBatchOptions(max_batch=7))
    offered = [batches.offer(raw(number)) for number in range(50)]
    batches.close()
    await batches.run()
    assert all(done.done() for done in offered)
    assert len(rows(publisher)) == 50
    with pytest.raises(Unavailable):
        batches.offer(raw(51))


async def test_a_failed_transaction_fails_every_event_that_waits_and_nothing_else_is_taken() -> (
    None
):
    publisher = MemoryPublisher()
    publisher.fail_before = {2}
    given_tools = tools(publisher)
    batches = LiveBatches(given_tools, SOURCE, LiveBatchOptions(linger_s=0.0, max_batch=3))
    offered = [batches.offer(raw(number)) for number in range(10)]
    with pytest.raises(Unavailable):
        await batches.run()
    results = await asyncio.gather(*offered, return_exceptions=True)
    assert results[:3] == [None] * 3
    assert all(isinstance(result, Unavailable) for result in results[3:])
    assert len(rows(publisher)) == 3
    assert given_tools.figures.waiting == 0
    with pytest.raises(Unavailable):
        batches.offer(raw(11))


async def test_what_comes_during_a_transaction_that_fails_fails_too_and_is_not_published() -> None:
    publisher = HeldPublisher()
    given_tools = tools(publisher)
    batches = LiveBatches(given_tools, SOURCE, QUICK)
    running = asyncio.ensure_future(batches.run())
    publisher.go.set()
    acknowledged = batches.offer(raw(1))
    await acknowledged
    publisher.go.clear()
    publisher.fail_before = {2}
    failing = batches.offer(raw(2))
    await until(lambda: publisher.began == 2)
    waiting = batches.offer(raw(3))
    publisher.go.set()
    with pytest.raises(Unavailable):
        await running
    assert acknowledged.exception() is None
    assert all(isinstance(done.exception(), Unavailable) for done in (failing, waiting))
    assert [row["request_id"][-1] for row in rows(publisher)] == ["1"]
    assert (publisher.began, given_tools.figures.waiting) == (2, 0)


async def test_cancelled_it_fails_what_is_under_way_and_leaves_nothing_behind() -> None:
    publisher = HeldPublisher()
    batches = LiveBatches(tools(publisher), SOURCE, QUICK)
    running = asyncio.ensure_future(batches.run())
    offered = [batches.offer(raw(1))]
    await until(lambda: publisher.began == 1)
    offered.append(batches.offer(raw(2)))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert all(isinstance(done.exception(), Unavailable) for done in offered)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert rows(publisher) == []


@pytest.mark.parametrize(
    "options", [LiveBatchOptions(max_waiting=5), LiveBatchOptions(max_waiting_bytes=5 * 1000)]
)
async def test_more_than_may_wait_is_refused(options: LiveBatchOptions) -> None:
    batches = LiveBatches(tools(MemoryPublisher()), SOURCE, options)
    padded = RawEvent(raw(1).payload.ljust(1000), "padded")
    offered = [batches.offer(padded) for _ in range(5)]
    with pytest.raises(QueueFull):
        batches.offer(padded)
    batches.close()
    await batches.run()
    await asyncio.gather(*offered)


async def test_an_event_nobody_waits_for_any_more_is_not_published() -> None:
    publisher = MemoryPublisher()
    given_tools = tools(publisher)
    batches = LiveBatches(given_tools, SOURCE, QUICK)
    batches.offer(raw(1)).cancel()
    kept = batches.offer(raw(2))
    batches.close()
    await batches.run()
    await kept
    assert [row["request_id"][-1] for row in rows(publisher)] == ["2"]
    assert given_tools.figures.waiting == 0


PAYLOADS = st.one_of(
    st.integers(0, 30).map(lambda number: raw(number).payload),
    st.lists(st.integers(0, 30).map(canvas_event), max_size=4).map(as_body),
    st.sampled_from(
        [b"", b"{", b"\xff", b"[1]", b'{"metadata":{}}', b'{"metadata":{"event_name":']
    ),
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["metadata", "body", "data", "attributes", "eventTime", "type", "x"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=15,
    ).map(as_body),
    st.binary(max_size=40),
)


@given(payloads=st.lists(PAYLOADS, max_size=12), refused=st.integers(0, 2))
def test_every_event_that_is_offered_becomes_a_row_or_a_dead_letter(
    payloads: list[bytes], refused: int
) -> None:
    publisher = MemoryPublisher()
    given_tools = tools(publisher)
    bad = BadRecord("post 1", "too_large", "it is too large", "TooLarge", b"x")

    async def run() -> None:
        batches = LiveBatches(given_tools, SOURCE, QUICK)
        offered = [batches.offer(RawEvent(payload, "x")) for payload in payloads]
        offered += [batches.offer(bad) for _ in range(refused)]
        batches.close()
        await batches.run()
        await asyncio.gather(*offered)

    asyncio.run(run())
    counted = given_tools.figures.rows
    assert counted["published"] == len(rows(publisher))
    assert counted["dead"] == len(letters(publisher)) >= refused
    assert counted["read"] == counted["published"] + counted["dead"]
    hours = settled(publisher, SCHEMAS)
    assert total(hours, "read") == counted["read"]
    assert total(hours, "repeated") == 0


async def test_too_many_bad_events_stop_the_agent_after_they_are_published() -> None:
    publisher = MemoryPublisher()
    batches = LiveBatches(tools(publisher), SOURCE, LiveBatchOptions(max_bad_share=0.5))
    offered = [batches.offer(RawEvent(b"{", "x")) for _ in range(150)]
    with pytest.raises(TooManyBadRecords):
        await batches.run()
    await asyncio.gather(*offered)
    assert len(letters(publisher)) == 150


def marks(publisher: MemoryPublisher) -> list[list[int]]:
    return [
        [item.at for item in log if isinstance(item, Mark)]
        for log in publisher.in_order(LIVE_EVENTS.name, SCHEMAS)
    ]


EVENT_0 = 1_772_460_000 * MICROS
"""Event time of ``canvas_event(0)``."""


async def _marks_after(numbers: Sequence[int], now: int, *, empty: bool) -> list[int]:
    """Return the marks once at least one was sent, the same on every partition."""
    publisher = MemoryPublisher()
    options = LiveBatchOptions(linger_s=0.0, mark_every_s=0.05)
    batches = LiveBatches(tools(publisher, now), SOURCE, options, lambda: empty)
    running = asyncio.ensure_future(batches.run())
    await asyncio.gather(*(batches.offer(raw(number)) for number in numbers))
    await until(lambda: all(marks(publisher)))
    batches.close()
    await running
    first, *others = marks(publisher)
    assert all(other == first for other in others)
    return first


async def test_while_events_come_the_mark_is_the_largest_event_time_less_two_minutes() -> None:
    largest = EVENT_0 + 7 * MICROS + 7000
    assert await _marks_after([3, 7, 5], NOW, empty=False) == [largest - 2 * MINUTE]


async def test_while_the_source_is_empty_the_mark_is_the_present_less_two_minutes() -> None:
    assert await _marks_after([3], NOW, empty=True) == [NOW - 2 * MINUTE]


async def test_a_mark_is_never_ahead_of_the_clock() -> None:
    now = EVENT_0 - 30 * MINUTE
    assert await _marks_after([7], now, empty=False) == [now - 2 * MINUTE]


async def test_a_source_that_offers_nothing_between_two_marks_is_empty() -> None:
    publisher = MemoryPublisher()
    given_tools = tools(publisher)
    options = LiveBatchOptions(linger_s=0.0, mark_every_s=0.05)
    batches = LiveBatches(given_tools, SOURCE, options)
    running = asyncio.ensure_future(batches.run())
    await batches.offer(raw(0))
    await until(lambda: given_tools.figures.mark == NOW - 2 * MINUTE)
    batches.close()
    await running
    assert marks(publisher)[0][-1] == NOW - 2 * MINUTE
    assert marks(publisher)[0] == sorted(marks(publisher)[0])


class SlowPublisher(MemoryPublisher):
    """Takes as many turns of the event loop for a transaction as it is told, then begins anew."""

    def __init__(self, turns: Sequence[int]) -> None:
        super().__init__()
        self._turns = turns

    async def publish(self, blocks: Sequence[Block | MarkBlock]) -> list[int]:
        for _ in range(self._turns[self.calls % len(self._turns)]):
            await asyncio.sleep(0)
        return await super().publish(blocks)


@given(
    offers=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=12),
    turns=st.lists(st.integers(0, 30), min_size=1, max_size=5),
    empty=st.booleans(),
)
@settings(max_examples=40)
def test_a_mark_overtakes_no_event_that_was_offered_before_it_was_due(
    *, offers: list[tuple[int, int]], turns: list[int], empty: bool
) -> None:
    """Events are dated when they are offered, so a mark two minutes behind has none behind it."""
    publisher = SlowPublisher(turns)
    now = EVENT_0

    async def run() -> None:
        nonlocal now
        given_tools = replace(tools(publisher), clock=lambda: now)
        options = LiveBatchOptions(linger_s=0.0, mark_every_s=0.0)
        batches = LiveBatches(given_tools, SOURCE, options, lambda: empty)
        running = asyncio.ensure_future(batches.run())
        done = []
        for number, (count, pauses) in enumerate(offers, start=1):
            # Events are a second apart, marks two minutes behind: 150 numbers are more than that.
            now = EVENT_0 + 150 * number * (MICROS + 1000)
            done += [batches.offer(raw(150 * number)) for _ in range(count)]
            for _ in range(pauses):
                await asyncio.sleep(0.0005)
        batches.close()
        await asyncio.gather(*done, running)

    asyncio.run(run())
    for log in publisher.in_order(LIVE_EVENTS.name, SCHEMAS):
        mark = 0
        for item in log:
            if isinstance(item, Mark):
                assert item.at > mark
                mark = item.at
            else:
                assert item["event_time"] > mark
