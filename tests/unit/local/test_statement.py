import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.local.clickhouse.errors import ClickHouseError
from pipeline.local.clickhouse.statement import read_statement, split_insert
from tests.support.insert_like import insert_like


@pytest.mark.parametrize(
    ("head", "clause", "form", "data"),
    [
        ("INSERT INTO t ", "FORMAT CSV\n", "CSV", "1\n"),
        ("insert into t ", "format CSV ", "CSV", "1\n"),
        ("INSERT INTO t ", "FORMAT CSV\n", "CSV", "\n1\n"),
        ("INSERT INTO t ", "FORMAT Native", "Native", ""),
        ("INSERT INTO t (a) ", "VALUES", "Values", " (1), (2)"),
        ("INSERT INTO t (format, values) ", "FORMAT TSV\n", "TSV", "1"),
        ("INSERT INTO values ", "VALUES", "Values", " (1)"),
        ("INSERT INTO d.format ", "FORMAT TSV\n", "TSV", "1"),
        ("INSERT INTO `a FORMAT b` ", "FORMAT TSV\n", "TSV", "1"),
        ("/* x */ -- y\nINSERT INTO t ", "FORMAT TSV\n", "TSV", "1"),
        ("INSERT INTO FUNCTION f('a FORMAT b') ", "VALUES", "Values", " (1)"),
        ("INSERT INTO t SETTINGS a = 'VALUES' ", "FORMAT TSV\n", "TSV", "1"),
    ],
)
def test_an_insert_is_cut_before_its_data(head: str, clause: str, form: str, data: str) -> None:
    insert = split_insert((head + clause + data).encode())
    assert insert is not None
    assert (insert.head, insert.format, bytes(insert.data).decode()) == (head, form, data)


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "SELECT 1 FORMAT CSV",
        "INSERT INTO t SELECT 1 FORMAT CSV",
        "INSERT INTO t (a) WITH 1 AS x SELECT x",
        "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        "INSERT INTO t; DROP TABLE t FORMAT CSV",
        "INSERT INTO t",
        "-- INSERT INTO t FORMAT CSV\nSELECT 1",
    ],
)
def test_other_statements_have_no_inline_data(sql: str) -> None:
    assert split_insert(sql.encode()) is None


def test_a_semicolon_before_the_data_is_refused() -> None:
    with pytest.raises(ClickHouseError) as refused:
        split_insert(b"INSERT INTO t FORMAT CSV;\n1")
    assert (refused.value.code, refused.value.status) == (62, 400)


@given(insert_like())
def test_head_and_data_are_disjoint_parts_of_the_statement(sql: bytes) -> None:
    """Whatever is sent, the engine's SQL is a beginning of it and the data an end."""
    try:
        insert = split_insert(sql)
    except ClickHouseError:
        return
    if insert is not None:
        assert sql.startswith(insert.head.encode())
        assert sql.endswith(bytes(insert.data))
        assert len(insert.head) + len(insert.data) < len(sql)


@given(st.text(string.printable))
def test_data_come_out_as_they_went_in(data: str) -> None:
    insert = split_insert(b"INSERT INTO t (a) FORMAT CSV\n" + data.encode())
    assert insert is not None
    assert bytes(insert.data) == data.encode()


@pytest.mark.parametrize(
    ("sql", "verb", "form"),
    [
        ("SELECT 1", b"SELECT", None),
        ("  (SELECT 1) UNION ALL SELECT 2 format JSON ;", b"SELECT", "JSON"),
        ("select 'FORMAT CSV'", b"SELECT", None),
        ("SELECT 1 -- FORMAT CSV", b"SELECT", None),
        ("SELECT format FROM t", b"SELECT", None),
        ("SELECT a AS format", b"SELECT", None),
        ("SELECT a FROM t ORDER BY format DESC", b"SELECT", None),
        ("SELECT a, format b FROM t", b"SELECT", None),
        ("SELECT f('x') FORMAT TSV SETTINGS a = 1, b = 'c'", b"SELECT", "TSV"),
        ("SELECT (SELECT 1 FORMAT CSV)", b"SELECT", None),
        ("/* a */ SHOW TABLES FORMAT Native", b"SHOW", "Native"),
        ("DROP TABLE t", b"DROP", None),
        ("", b"", None),
    ],
)
def test_verb_and_format_of_a_statement_are_found(sql: str, verb: bytes, form: str | None) -> None:
    statement = read_statement(sql.encode())
    assert (statement.verb, statement.format) == (verb, form)
