"""What only the embedded ClickHouse promises."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings

from pipeline.local.clickhouse_server import ClickHouseServer
from tests.support.clickhouse_http import ask
from tests.support.insert_like import insert_like
from tests.support.stack import ClickHouseAddress

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    with ClickHouseServer(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server


def address(server: ClickHouseServer) -> ClickHouseAddress:
    return ClickHouseAddress(server.host, server.port, server.user, server.password)


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://somewhere.example"}, {"Host": "somewhere.example:80"}]
)
def test_a_web_page_of_another_host_cannot_ask(
    server: ClickHouseServer, headers: dict[str, str]
) -> None:
    assert ask(address(server), "SELECT 1", headers=headers).status == 403


def test_a_client_that_leaves_in_the_middle_frees_its_query(server: ClickHouseServer) -> None:
    """More leave than queries may run at once; the next one is answered all the same."""
    body = b"SELECT number, repeat('x', 20) FROM numbers(100000000)"
    head = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for _ in range(20):
        with socket.create_connection((server.host, server.port)) as connection:
            connection.sendall(head + body)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    assert ask(address(server), "SELECT 1").text == "1\n"


def test_nothing_behind_an_insert_runs_as_sql(server: ClickHouseServer) -> None:
    where = address(server)
    ask(where, "CREATE TABLE t (a Int32, s String) ENGINE = Memory")
    ask(where, "CREATE TABLE u (a Int32) ENGINE = Memory")

    @settings(max_examples=150, deadline=None)
    @given(insert_like())
    def law(sql: bytes) -> None:
        ask(where, sql)
        assert ask(where, "EXISTS TABLE u").text == "1\n"

    law()


def test_data_survive_stop_and_kill(tmp_path: Path) -> None:
    with ClickHouseServer(tmp_path) as server:
        where = address(server)
        ask(where, "CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a")
        ask(where, "INSERT INTO t VALUES (1), (2)")
        server.stop()
        server.start()
        assert address(server) == where
        ask(where, "INSERT INTO t VALUES (3)")
        server.kill()
        server.start()
        assert ask(address(server), "SELECT sum(a) FROM t").text == "6\n"


def test_a_stop_does_not_wait_for_a_long_query(tmp_path: Path) -> None:
    said: list[str] = []
    with ClickHouseServer(tmp_path, say=said.append) as server:
        body = b"SELECT sum(sipHash64(number)) FROM numbers(100000000000)"
        head = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with socket.create_connection((server.host, server.port)) as connection:
            connection.sendall(head + body)
            running = "SELECT count() > 1 FROM system.processes"
            while ask(address(server), running).text != "1\n":
                time.sleep(0.05)
            server.stop()
            assert connection.recv(1) == b"", "nobody answers a query that was broken off"
