"""Answers come whole, however the network cuts them, and an end or an error ends the connection."""

import asyncio
import ssl
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.admin import ApiVersionRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.metadata import MetadataRequest

from pipeline.kafka.frame_hooks import SMALL_BYTES, Frame
from tests.support.certificates import self_signed, serving

TOPIC = "a-topic"
Answer = Callable[[int, int], bytes]


def prefixed(correlation: int, body: bytes) -> bytes:
    return struct.pack(">ii", len(body) + 4, correlation) + body


def fetched(correlation: int, *record_sets: bytes) -> bytes:
    """Return a fetch response (version 4) with one partition for each record set."""
    topic = struct.pack(">h", len(TOPIC)) + TOPIC.encode()
    partitions = b"".join(
        struct.pack(">ihqqii", number, 0, 9, 9, -1, len(each)) + each
        for number, each in enumerate(record_sets)
    )
    body = struct.pack(">ii", 0, 1) + topic + struct.pack(">i", len(record_sets)) + partitions
    return prefixed(correlation, body)


class Broker:
    """Answers requests one after the other with what it was given; ``piece`` bytes at a time."""

    def __init__(self, piece: int) -> None:
        self.piece = piece
        self.answers: deque[Callable[[int], bytes]] = deque()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                key, _, correlation = struct.unpack_from(">hhi", await reader.readexactly(size))
                if key == ApiVersionRequest.API_KEY:
                    versions = struct.pack(">hihhhhhh", 0, 2, FetchRequest.API_KEY, 4, 4, 3, 0, 0)
                    answer = prefixed(correlation, versions)
                else:
                    answer = self.answers.popleft()(correlation)
                if not answer:
                    break
                for at in range(0, len(answer), self.piece):
                    writer.write(answer[at : at + self.piece])
                    await writer.drain()
                    await asyncio.sleep(0)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def connected(
    broker: Broker, tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None
) -> AsyncIterator[AIOKafkaConnection]:
    theirs, ours = tls or (None, None)
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0, ssl=theirs)
    connection = AIOKafkaConnection(
        *server.sockets[0].getsockname()[:2],
        ssl_context=ours,
        security_protocol="PLAINTEXT" if ours is None else "SSL",
    )
    await connection.connect()
    try:
        yield connection
    finally:
        connection.close()
        server.close()
        await server.wait_closed()


def fetch() -> FetchRequest:
    return FetchRequest(100, 1, 1 << 20, 1, [(TOPIC, [(0, 0, 1 << 20)])], rack_id="")


def record_sets(response: Any) -> list[bytes]:
    ((_, partitions),) = response.topics
    return [bytes(each[-1]) for each in partitions]


@pytest.mark.parametrize("piece", [1_000, 7_001, 1 << 20])
async def test_record_sets_of_any_size_come_as_they_were_sent(piece: int) -> None:
    broker = Broker(piece)
    sizes = (0, 1, 100, 1_023, 1_024, SMALL_BYTES - 200, SMALL_BYTES, 100_000, 0, 3)
    sets = [bytes([number]) * size for number, size in enumerate(sizes)]
    async with connected(broker) as connection:
        for end in range(1, len(sets) + 1):
            broker.answers.append(lambda number, end=end: fetched(number, *sets[:end]))
            broker.answers.append(lambda number, end=end: fetched(number, sets[end - 1]))
        for end in range(1, len(sets) + 1):
            both = await asyncio.gather(connection.send(fetch()), connection.send(fetch()))
            assert [record_sets(each) for each in both] == [sets[:end], sets[end - 1 : end]]


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context and a client's that trusts it."""
    certificate = self_signed(tmp_path_factory.mktemp("tls"))
    return serving(certificate), ssl.create_default_context(cafile=certificate)


async def test_answers_come_whole_over_tls(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    broker = Broker(1 << 20)
    sets = [b"a" * 3_000_000, b"b", b"c" * SMALL_BYTES]
    async with connected(broker, tls) as connection:
        for each in (sets, sets[1:2], sets[::-1]):
            broker.answers.append(lambda number, each=each: fetched(number, *each))
            assert record_sets(await connection.send(fetch())) == each
        broker.answers.append(lambda number: fetched(number, *sets)[:-1])
        broker.answers.append(lambda _: b"")
        waiting = [asyncio.ensure_future(connection.send(fetch())) for _ in range(2)]
        for one in waiting:
            with pytest.raises(KafkaConnectionError):
                await one


async def test_record_sets_of_a_large_answer_stay_as_they_are_when_others_follow() -> None:
    broker = Broker(1 << 20)
    broker.answers.extend(
        [
            lambda number: fetched(number, b"first" * 9_000, b"small"),
            lambda number: fetched(number, b"other" * 9_000, b"again"),
        ]
    )
    async with connected(broker) as connection:
        first = await connection.send(fetch())
        await connection.send(fetch())
        assert record_sets(first) == [b"first" * 9_000, b"small"]
        ((_, ((*_, large), (*_, small))),) = first.topics
        assert isinstance(large, memoryview)
        assert isinstance(small, bytes)


async def test_an_answer_that_is_cut_ends_the_connection_and_what_waits_for_it() -> None:
    broker = Broker(1 << 20)
    broker.answers.extend([lambda number: fetched(number, bytes(50_000))[:40_000], lambda _: b""])
    async with connected(broker) as connection:
        waiting = [asyncio.ensure_future(connection.send(fetch())) for _ in range(2)]
        for each in waiting:
            with pytest.raises(KafkaConnectionError):
                await each
        assert not connection.connected()


@pytest.mark.parametrize(
    "broken",
    [
        lambda number: fetched(number + 1, b"x"),
        lambda _: struct.pack(">i", -1),
        lambda number: prefixed(number, b"\x00"),
        lambda number: fetched(number, b"x") + prefixed(number, b"nobody asked"),
    ],
    ids=["of another request", "of a negative length", "not decodable", "unasked"],
)
async def test_a_broken_answer_ends_the_connection(broken: Callable[[int], bytes]) -> None:
    broker = Broker(1 << 20)
    broker.answers.append(broken)
    async with connected(broker) as connection:
        reading = connection._read_task
        await asyncio.gather(connection.send(fetch()), return_exceptions=True)
        await asyncio.wait([reading], timeout=5)
        assert not connection.connected()


async def test_large_answers_of_other_kinds_are_decoded_as_ever() -> None:
    broker = Broker(4_000)
    name = "n" * 2_000
    brokers = [(number, name, 9092) for number in range(20)]

    def metadata(number: int) -> bytes:
        rows = b"".join(
            struct.pack(">ih", node, len(host)) + host.encode() + struct.pack(">i", port)
            for node, host, port in brokers
        )
        return prefixed(number, struct.pack(">i", len(brokers)) + rows + struct.pack(">i", 0))

    broker.answers.append(metadata)
    async with connected(broker) as connection:
        response = await connection.send(MetadataRequest([]))
        assert [tuple(each) for each in response.brokers] == brokers


def test_a_frame_reads_to_its_end_and_no_further() -> None:
    frame = Frame(memoryview(b"abc" * 1_000))
    assert frame.read(3) == b"abc"
    assert bytes(frame.read(2_996)) == (b"abc" * 1_000)[3:-1]
    assert frame.read(4) == b"c"
    assert frame.read(4) == b""
