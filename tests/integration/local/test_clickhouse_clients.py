"""clickhouse-connect works on the stack's ClickHouse as on a server's."""

from collections.abc import Iterator

import clickhouse_connect
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.support.stack import Stack

pytestmark = pytest.mark.stack

ROWS = 100_000


def connect(stack: Stack, database: str, *, compress: bool | str = True) -> Client:
    host, port, username, password = stack.clickhouse_address
    return clickhouse_connect.get_client(
        host=host,
        port=port,
        username=username,
        password=password,
        database=database,
        compress=compress,
    )


@pytest.fixture(params=["lz4", "zstd", "gzip", False])
def client(stack: Stack, database: str, request: pytest.FixtureRequest) -> Iterator[Client]:
    client = connect(stack, database, compress=request.param)
    client.command("CREATE TABLE t (a Int64, s String) ENGINE = MergeTree ORDER BY a")
    yield client
    client.close()


def table(rows: int) -> pa.Table:
    numbers = pa.array(range(rows), pa.int64())
    return pa.table(
        {"a": numbers, "s": pa.array([f"row {n};\n\nDROP" for n in range(rows)], pa.string())}
    )


def test_an_arrow_table_comes_back_as_it_was_inserted(client: Client) -> None:
    summary = client.insert_arrow("t", table(ROWS), settings={"async_insert": 0})
    assert summary.written_rows == ROWS
    back = client.query_arrow("SELECT a, s FROM t ORDER BY a", use_strings=True)
    assert back.cast(table(0).schema).equals(table(ROWS))


def test_rows_come_back_as_they_were_inserted(client: Client) -> None:
    rows = [[1, "x'; DROP TABLE t\n\n"], [2, "ünï"]]
    client.insert("t", rows, column_names=["a", "s"])
    assert [list(row) for row in client.query("SELECT * FROM t ORDER BY a").result_rows] == rows


def test_an_empty_insert_changes_nothing(client: Client) -> None:
    client.insert_arrow("t", table(0))
    assert client.command("SELECT count() FROM t") == 0


def test_a_long_result_is_streamed_in_blocks(client: Client) -> None:
    with client.query_row_block_stream("SELECT number FROM numbers(500000)") as blocks:
        counts = [len(block) for block in blocks]
    assert sum(counts) == 500_000
    assert len(counts) > 1


def test_parameters_are_bound_by_the_server(client: Client) -> None:
    client.insert_arrow("t", table(10))
    found = client.query("SELECT s FROM t WHERE a = {a:Int64}", parameters={"a": 7})
    assert found.result_rows == [("row 7;\n\nDROP",)]
    client.command(
        "INSERT INTO t VALUES ({a:Int64}, {s:String})", parameters={"a": 11, "s": "it's"}
    )
    assert client.query("SELECT s FROM t WHERE a = 11").first_row == ("it's",)


def test_a_statement_of_any_kind_can_be_a_command(client: Client) -> None:
    client.command("ALTER TABLE t ADD COLUMN c Nullable(UInt8) COMMENT 'why'")
    assert client.query("DESCRIBE TABLE t").row_count == 3
    assert client.command("EXISTS TABLE t") == 1
    client.command("OPTIMIZE TABLE t FINAL")


def test_errors_carry_the_servers_code(client: Client) -> None:
    for statement, code in [
        ("SELECT * FROM missing", 60),
        ("SELEC 1", 62),
        ("SELECT nothing", 47),
        ("SELECT 1 SETTINGS nonsense = 1", 115),
        ("DROP DATABASE missing", 81),
    ]:
        with pytest.raises(DatabaseError, match=rf"[Cc]ode:? {code}\b"):
            client.query(statement)


def test_an_error_in_the_middle_of_a_result_reaches_the_client(client: Client) -> None:
    failing = "SELECT throwIf(number = 900000, 'too far') FROM numbers(1000000)"
    with pytest.raises(DatabaseError, match="too far"):
        client.query(failing)


def test_settings_of_a_query_end_with_it(client: Client) -> None:
    ask = "SELECT getSetting('max_result_rows')"
    assert client.query(ask).first_row == (0,)
    assert client.query(ask, settings={"max_result_rows": 17}).first_row == (17,)
    assert client.query(ask).first_row == (0,)


def test_what_a_session_sets_lasts(client: Client) -> None:
    ask = "SELECT getSetting('max_result_rows')"
    client.command("SET max_result_rows = 23")
    assert client.query(ask, settings={"max_result_rows": 17}).first_row == (17,)
    assert client.query(ask).first_row == (23,)
    client.command("CREATE TEMPORARY TABLE mine (a Int8)")
    assert client.command("SELECT count() FROM mine") == 0


def test_each_client_works_in_its_own_database(stack: Stack, database: str) -> None:
    first, second = connect(stack, database), connect(stack, "default")
    first.command("CREATE TABLE only_here (a Int8) ENGINE = Memory")
    assert first.command("EXISTS TABLE only_here") == 1
    assert second.command("EXISTS TABLE only_here") == 0
    first.close()
    second.close()


async def test_the_asynchronous_client_works_too(stack: Stack, database: str) -> None:
    host, port, username, password = stack.clickhouse_address
    client = await clickhouse_connect.get_async_client(
        host=host, port=port, username=username, password=password, database=database
    )
    await client.command("CREATE TABLE t (a Int64, s String) ENGINE = MergeTree ORDER BY a")
    await client.insert_arrow("t", table(1000))
    assert (await client.query("SELECT count() FROM t")).first_row == (1000,)
    await client.close()
