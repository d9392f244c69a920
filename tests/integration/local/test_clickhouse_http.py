"""The stack's ClickHouse speaks the server's HTTP interface as curl sees it."""

import gzip
import json
import uuid

import pytest

from tests.support.clickhouse_http import Reply, ask
from tests.support.stack import ClickHouseAddress, Stack

pytestmark = pytest.mark.stack


class Http:
    """Requests to one database."""

    def __init__(self, address: ClickHouseAddress, database: str) -> None:
        self.address = address
        self.database = database

    def __call__(self, sql: str | bytes = b"", **more: object) -> Reply:
        return ask(self.address, sql, database=self.database, **more)  # type: ignore[arg-type]

    def value(self, sql: str) -> str:
        reply = self(sql)
        assert reply.status == 200, reply.text
        return reply.text.rstrip("\n")


@pytest.fixture
def http(stack: Stack, database: str) -> Http:
    http = Http(stack.clickhouse_address, database)
    http.value("CREATE TABLE t (a Int32, s String) ENGINE = MergeTree ORDER BY a")
    return http


def test_a_get_reads(http: Http) -> None:
    assert http(method="GET", query="SELECT 1 + 1").text == "2\n"
    assert http(method="GET").text == "Ok.\n"


def test_a_get_cannot_write(http: Http) -> None:
    for statement in (
        "DROP TABLE t",
        "INSERT INTO t VALUES (1, 'x')",
        "INSERT INTO t SELECT 1, 'x'",
    ):
        reply = http(method="GET", query=statement)
        assert reply.headers["x-clickhouse-exception-code"] == "164"
    assert http.value("SELECT count() FROM t") == "0"


def test_a_get_within_a_session_leaves_it_writable(http: Http) -> None:
    session = uuid.uuid4().hex
    http(method="GET", query="SELECT 1", session_id=session)
    assert http("INSERT INTO t VALUES (1, 'x')", session_id=session).status == 200


SQL_IN_DATA = "x\n\nDROP TABLE t;\n\nDROP TABLE t"


JSON_ROW = json.dumps({"a": 1, "s": SQL_IN_DATA})
COMMENTED = "/* FORMAT TSV */ insert into t format JSONEachRow"


@pytest.mark.parametrize(
    ("head", "data"),
    [
        ("INSERT INTO t FORMAT CSV\n", f'1,"{SQL_IN_DATA}"\n'),
        ("INSERT INTO t VALUES\n\n", f"(1, '{SQL_IN_DATA}')\n\n"),
        ("INSERT INTO t(a, s)FORMAT Values ", f"(1,'{SQL_IN_DATA}')"),
        (f"-- INSERT INTO u FORMAT TSV\n{COMMENTED}\n\n", f"{JSON_ROW}\n\n\n"),
        ("INSERT INTO TABLE t (`a`, s) -- FORMAT TSV\nFORMAT CSV\n", f'1,"{SQL_IN_DATA}"'),
        ("INSERT INTO t SETTINGS async_insert = 0 FORMAT JSONEachRow ", JSON_ROW),
    ],
)
def test_inline_data_stays_data(http: Http, head: str, data: str) -> None:
    """The engine by itself runs what follows a blank line as SQL."""
    reply = http(head + data)
    assert reply.status == 200, reply.text
    assert json.loads(reply.headers["x-clickhouse-summary"])["written_rows"] == "1"
    rows = json.loads(http.value("SELECT a, s FROM t FORMAT JSONCompact"))["data"]
    assert rows == [[1, SQL_IN_DATA]]


@pytest.mark.parametrize(
    "insert",
    [
        "INSERT INTO t FORMAT CSV\n1,x\n\nDROP TABLE t\n",
        "INSERT INTO t FORMAT CSV;\n1,x\n\nDROP TABLE t\n",
        "INSERT INTO t VALUES (1, 'x')\n\nDROP TABLE t",
        "INSERT INTO t SELECT a, 'x' FROM input('a Int32') FORMAT CSV\n1\n\nDROP TABLE t",
        "INSERT INTO t; DROP TABLE t",
        "EXPLAIN INSERT INTO t FORMAT CSV\n1,x\n\nDROP TABLE t",
        "SELECT 1; DROP TABLE t",
        "DROP TABLE t; nonsense (",
        "SET max_threads = 1; DROP TABLE t",
    ],
)
def test_nothing_runs_beside_one_statement(http: Http, insert: str) -> None:
    assert http(insert).status == 400
    assert http.value("EXISTS TABLE t") == "1"
    assert http.value("SELECT count() FROM t") == "0"


def test_inline_parameters_do_not_make_data_sql(http: Http) -> None:
    insert = "INSERT INTO t VALUES ({a:Int32}, 'x')\n\nDROP TABLE t"
    assert http(insert, param_a="1").status == 400
    assert http.value("EXISTS TABLE t") == "1"
    assert http("INSERT INTO t VALUES ({a:Int32}, 'x; DROP')", param_a="1").status == 200
    assert http.value("SELECT * FROM t") == "1\tx; DROP"


def test_the_query_may_stand_in_the_url_and_its_data_in_the_body(http: Http) -> None:
    body = gzip.compress(b"1\tone\n2\ttwo\n")
    reply = http(body, query="INSERT INTO t FORMAT TSV", headers={"Content-Encoding": "gzip"})
    assert reply.status == 200, reply.text
    assert http.value("SELECT sum(a) FROM t") == "3"


def test_the_format_is_named_in_header_and_query(http: Http) -> None:
    reply = http("SELECT 1 AS x FORMAT JSONEachRow")
    assert json.loads(reply.body) == {"x": 1}
    assert reply.headers["x-clickhouse-format"] == "JSONEachRow"
    assert http("SELECT 1", default_format="CSVWithNames").text == '"1"\n1\n'
    assert http("SELECT s AS format FROM t ORDER BY format DESC").status == 200


def test_errors_have_the_servers_status_and_code(http: Http) -> None:
    for sql, status, code in [
        ("SELECT * FROM missing", 404, "60"),
        ("garbage", 400, "62"),
        ("", 200, None),
        ("-- nothing", 400, "62"),
        ("SELECT throwIf(1)", 500, "395"),
        ("INSERT INTO t FORMAT CSV\nx,y\n", 400, "27"),
        ("SELECT 1 FORMAT Nonsense", 404, "73"),
    ]:
        reply = http(sql)
        assert (reply.status, reply.headers.get("x-clickhouse-exception-code")) == (status, code), (
            sql
        )


def test_a_failed_insert_leaves_no_row(http: Http) -> None:
    assert http("INSERT INTO t FORMAT CSV\n1,x\nnonsense\n").status == 400
    assert http.value("SELECT count() FROM t") == "0"


def test_unknown_settings_and_sessions_are_refused(http: Http) -> None:
    assert http("SELECT 1", nonsense="1").headers["x-clickhouse-exception-code"] == "115"
    reply = http("SELECT 1", session_id=uuid.uuid4().hex, session_check="1")
    assert reply.headers["x-clickhouse-exception-code"] == "372"


def test_only_the_known_user_may_ask(stack: Stack) -> None:
    stranger = stack.clickhouse_address._replace(user="stranger", password="guess")
    reply = ask(stranger, "SELECT 1")
    assert (reply.status, reply.headers["x-clickhouse-exception-code"]) == (403, "516")
