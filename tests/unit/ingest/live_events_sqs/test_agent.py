"""Every message of the queue is published, and deleted only then; over SQS's wire (moto)."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from pipeline.codecs.live_event_rows import name_given_at
from pipeline.codecs.marks import Mark
from pipeline.domain.errors import OurMistake, TooManyBadRecords, Unavailable
from pipeline.domain.event_time import MICROS, MINUTE
from pipeline.domain.topics import DEAD_LETTERS, LIVE_EVENTS
from pipeline.engine.stage import Block, MarkBlock
from pipeline.ingest.figures import AgentFigures
from pipeline.ingest.live_events_sqs.agent import run_live_events_sqs
from pipeline.ingest.live_events_sqs.options import SqsOptions
from pipeline.ingest.tools import AgentTools
from tests.support.added_up import settled, total
from tests.support.avro_schemas import project_schemas
from tests.support.canvas.https_delivery import canvas_event
from tests.support.canvas.live_event_pairs import Happening, in_caliper
from tests.support.canvas.sqs_server import CREDENTIALS, REGION, SqsServer, sqs_server
from tests.support.memory_publisher import MemoryPublisher
from tests.support.waiting import until

NOW = 1_900_000_000 * MICROS
SCHEMAS = project_schemas()


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


@pytest.fixture(scope="module")
def server() -> Iterator[SqsServer]:
    with sqs_server() as server:
        yield server


@pytest.fixture
def options(
    server: SqsServer, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> SqsOptions:
    """Of an agent at a queue of this test."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    queue = server.create(f"{abs(hash(request.node.nodeid))}")
    # One receiver: two threads of moto may give the same message, as SQS may too.
    return SqsOptions(
        queue, region=REGION, endpoint_url=server.endpoint, receivers=1, wait_s=1, visibility_s=30
    )


def tools(publisher: MemoryPublisher) -> AgentTools:
    return AgentTools(
        publisher=publisher,
        cursors=publisher,
        schemas=SCHEMAS,
        clock=lambda: NOW,
        stopping=asyncio.Event(),
        figures=AgentFigures(),
    )


async def run_until(done: Callable[[], bool], with_: AgentTools, options: SqsOptions) -> None:
    """Let the agent work until something is so, then stop it."""
    agent = asyncio.ensure_future(run_live_events_sqs(with_, options))
    waiting = asyncio.ensure_future(until(done))
    await asyncio.wait((agent, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    with_.stopping.set()
    await agent


def texts(count: int) -> list[str]:
    return [json.dumps(canvas_event(number)) for number in range(count)]


def requests(publisher: MemoryPublisher) -> list[str]:
    return sorted(row["request_id"] for row in publisher.records(LIVE_EVENTS.name, SCHEMAS))


def wanted(count: int) -> list[str]:
    return sorted(canvas_event(number)["metadata"]["request_id"] for number in range(count))


async def left(server: SqsServer, options: SqsOptions) -> tuple[int, int]:
    return await asyncio.to_thread(server.left, options.queue_url)


async def fill(server: SqsServer, options: SqsOptions, bodies: Sequence[str], **more: Any) -> None:
    await asyncio.to_thread(server.put, options.queue_url, bodies, **more)


async def test_every_message_is_published_once_and_deleted(
    server: SqsServer, options: SqsOptions
) -> None:
    await fill(server, options, texts(45))
    publisher = MemoryPublisher()
    with_ = tools(publisher)
    await run_until(lambda: with_.figures.rows["published"] == 45, with_, options)
    assert requests(publisher) == wanted(45)
    assert await left(server, options) == (0, 0)
    assert with_.figures.rows["read"] == 45
    assert with_.figures.waiting == 0
    [source] = {row["source"] for row in publisher.records(LIVE_EVENTS.name, SCHEMAS)}
    assert source.startswith("live-events-sqs:canvas-live-events-")


async def test_no_message_is_deleted_before_kafka_has_acknowledged_it(
    server: SqsServer, options: SqsOptions
) -> None:
    await fill(server, options, texts(3))
    publisher = HeldPublisher()
    with_ = tools(publisher)
    agent = asyncio.ensure_future(run_live_events_sqs(with_, options))
    await until(lambda: with_.figures.waiting == 3 and publisher.began == 1)
    assert await left(server, options) == (0, 3)
    publisher.go.set()
    await until(lambda: with_.figures.requests["delete"] > 0)
    with_.stopping.set()
    await agent
    assert await left(server, options) == (0, 0)


async def test_messages_of_a_failed_transaction_are_given_back_and_published_by_the_next_start(
    server: SqsServer, options: SqsOptions
) -> None:
    await fill(server, options, texts(25))
    publisher = MemoryPublisher()
    publisher.fail_before = {1}
    with pytest.raises(Unavailable):
        await run_live_events_sqs(tools(publisher), options)
    waiting, in_flight = await left(server, options)
    assert (waiting + in_flight, in_flight) == (25, 0)
    with_ = tools(publisher)
    await run_until(lambda: with_.figures.rows["published"] == 25, with_, options)
    assert requests(publisher) == wanted(25)
    assert await left(server, options) == (0, 0)


async def test_what_an_unknown_outcome_doubles_has_the_same_event_keys(
    server: SqsServer, options: SqsOptions
) -> None:
    await fill(server, options, texts(10))
    publisher = MemoryPublisher()
    publisher.fail_after = {1}
    with pytest.raises(Unavailable):
        await run_live_events_sqs(tools(publisher), options)
    with_ = tools(publisher)
    await run_until(lambda: with_.figures.rows["published"] > 0, with_, options)
    assert await left(server, options) == (0, 0)
    rows = publisher.records(LIVE_EVENTS.name, SCHEMAS)
    assert len(rows) > 10
    assert len({row["event_key"] for row in rows}) == 10
    # The queue gave them again, and nobody but sessionize knows that it did.
    assert total(settled(publisher, SCHEMAS), "read") == len(rows)


async def test_poison_messages_become_dead_letters_and_are_deleted(
    server: SqsServer, options: SqsOptions
) -> None:
    poison = ["{", "null", '{"metadata":{}}', "x" * 50_000, "\N{GREEK SMALL LETTER ALPHA}"]
    await fill(server, options, [*poison, *texts(5)])
    publisher = MemoryPublisher()
    with_ = tools(publisher)
    await run_until(lambda: with_.figures.rows["read"] == 10, with_, options)
    assert requests(publisher) == wanted(5)
    letters = publisher.records(DEAD_LETTERS.name, SCHEMAS)
    assert len(letters) == len(poison)
    assert {letter["source"] for letter in letters} == {options.source}
    assert await left(server, options) == (0, 0)
    hours = settled(publisher, SCHEMAS)
    counts = [total(hours, name) for name in ("read", "published", "dead", "repeated")]
    assert counts == [10, 5, 5, 0]


async def test_the_dead_letter_of_a_message_says_the_name_that_came_beside_it(
    server: SqsServer, options: SqsOptions
) -> None:
    await fill(server, options, ["{"], name="user_created")
    publisher = MemoryPublisher()
    with_ = tools(publisher)
    await run_until(lambda: with_.figures.rows["dead"] == 1, with_, options)
    (letter,) = publisher.records(DEAD_LETTERS.name, SCHEMAS)
    assert name_given_at(letter["location"]) == "user_created"


async def test_too_many_poison_messages_stop_the_agent_with_nothing_lost(
    server: SqsServer, options: SqsOptions
) -> None:
    await fill(server, options, ["{"] * 150)
    publisher = MemoryPublisher()
    with pytest.raises(TooManyBadRecords, match="records are bad"):
        await run_live_events_sqs(tools(publisher), replace(options, max_bad_share=0.5))
    waiting, in_flight = await left(server, options)
    dead = len(publisher.records(DEAD_LETTERS.name, SCHEMAS))
    # A request may have been under way: its messages come again after the visibility timeout.
    assert waiting + in_flight + dead >= 150
    assert dead >= 100


async def test_a_caliper_event_is_named_by_the_attribute_of_its_message(
    server: SqsServer, options: SqsOptions
) -> None:
    document = in_caliper(Happening("asset_accessed"))
    document["data"][0] |= {"type": "ToolUseEvent", "action": "Used"}
    await fill(server, options, [json.dumps(document)], name="tool_used")
    publisher = MemoryPublisher()
    with_ = tools(publisher)
    await run_until(lambda: with_.figures.rows["published"] == 1, with_, options)
    [row] = publisher.records(LIVE_EVENTS.name, SCHEMAS)
    assert (row["event_name"], row["format"]) == ("tool_used", "caliper")


async def test_messages_stay_hidden_while_their_publish_waits(
    server: SqsServer, options: SqsOptions
) -> None:
    await fill(server, options, texts(12))
    publisher = HeldPublisher()
    with_ = tools(publisher)
    patient = replace(options, visibility_s=10)
    agent = asyncio.ensure_future(run_live_events_sqs(with_, patient))
    await until(lambda: with_.figures.requests["extend"] >= 4)  # two rounds of two batches
    assert with_.figures.requests["extend_failed"] == 0
    assert with_.figures.waiting == 12
    publisher.go.set()
    await until(lambda: with_.figures.rows["published"] == 12)
    with_.stopping.set()
    await agent
    assert requests(publisher) == wanted(12)
    assert await left(server, options) == (0, 0)


async def test_no_more_messages_are_received_than_may_be_in_flight(
    server: SqsServer, options: SqsOptions
) -> None:
    await fill(server, options, texts(60))
    publisher = HeldPublisher()
    with_ = tools(publisher)
    agent = asyncio.ensure_future(run_live_events_sqs(with_, replace(options, max_in_flight=20)))
    # Twenty, and the ten of the first look.
    await until(lambda: with_.figures.waiting == 30)
    assert await left(server, options) == (30, 30)
    publisher.go.set()
    await until(lambda: with_.figures.rows["published"] == 60)
    with_.stopping.set()
    await agent
    assert requests(publisher) == wanted(60)


async def test_marks_follow_the_clock_while_the_queue_is_empty(options: SqsOptions) -> None:
    publisher = MemoryPublisher()
    with_ = tools(publisher)
    often = replace(options, mark_every_s=0.2)
    await run_until(lambda: with_.figures.mark is not None, with_, often)
    for partition in publisher.in_order(LIVE_EVENTS.name, SCHEMAS):
        assert partition == [Mark("live_events", NOW - 2 * MINUTE)]


async def test_a_stopped_agent_publishes_and_deletes_what_it_has_received(
    server: SqsServer, options: SqsOptions
) -> None:
    await fill(server, options, texts(30))
    publisher = HeldPublisher()
    with_ = tools(publisher)
    agent = asyncio.ensure_future(run_live_events_sqs(with_, options))
    await until(lambda: with_.figures.waiting == 30)
    with_.stopping.set()
    publisher.go.set()
    await agent
    assert requests(publisher) == wanted(30)
    assert await left(server, options) == (0, 0)


async def test_messages_that_may_not_be_deleted_stop_the_agent(
    server: SqsServer, options: SqsOptions
) -> None:
    await fill(server, options, texts(3))
    publisher = HeldPublisher()
    with_ = tools(publisher)
    agent = asyncio.ensure_future(run_live_events_sqs(with_, replace(options, wait_s=20)))
    await until(lambda: with_.figures.waiting == 3)
    await asyncio.to_thread(server.remove, options.queue_url)
    publisher.go.set()
    with pytest.raises(OurMistake, match=r"QueueDoesNotExist|NonExistentQueue"):
        await agent
    assert requests(publisher) == wanted(3)


async def missing_queue(options: SqsOptions) -> SqsOptions:
    return replace(options, queue_url=f"{options.queue_url}-not-there")


async def silent_server(options: SqsOptions) -> SqsOptions:
    return replace(options, endpoint_url="http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("broken", "error", "said"),
    [
        (missing_queue, OurMistake, "NonExistentQueue|QueueDoesNotExist"),
        (silent_server, Unavailable, "ReceiveMessage: SQS does not answer"),
    ],
)
async def test_what_sqs_refuses_is_said_at_once_by_whose_fault_it_is(
    options: SqsOptions,
    broken: Callable[[SqsOptions], Awaitable[SqsOptions]],
    error: type[Exception],
    said: str,
) -> None:
    with pytest.raises(error, match=said):
        await run_live_events_sqs(tools(MemoryPublisher()), await broken(options))


async def test_without_credentials_it_stops_with_a_sentence(
    options: SqsOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(OurMistake, match="credentials"):
        await run_live_events_sqs(tools(MemoryPublisher()), options)


@pytest.mark.parametrize(
    ("url", "region", "endpoint"),
    [
        (
            "https://sqs.eu-west-1.amazonaws.com/1/canvas-live-events-x",
            "eu-west-1",
            "https://sqs.eu-west-1.amazonaws.com/",
        ),
        (
            "https://eu-west-1.queue.amazonaws.com/1/canvas-live-events-x",
            "eu-west-1",
            "https://sqs.eu-west-1.amazonaws.com/",
        ),
        ("https://q.example.edu/1/canvas-live-events-x", None, "https://q.example.edu/"),
    ],
)
def test_region_and_endpoint_are_read_from_the_address_of_the_queue(
    url: str, region: str | None, endpoint: str
) -> None:
    assert SqsOptions(url).queue_region == region
    assert SqsOptions(url).endpoint == endpoint
    assert SqsOptions(url, region="us-west-2").queue_region == "us-west-2"
