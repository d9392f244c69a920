"""Exports as CSV, TSV and Parquet hold the same rows as JSON lines."""

import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.web_log_rows import Origin, WebLogs
from pipeline.domain.errors import OurMistake
from pipeline.ingest.content import Content
from pipeline.ingest.formats import web_log_format
from tests.support.canvas.dap_formats import exported
from tests.support.raw_files import NOW, delete, row_at

TABLES = ["csv", "tsv", "parquet"]


def read(data: bytes, name: str, directory: Path) -> WebLogs:
    """Read a file of this name; its portions as one."""
    path = directory / name
    path.write_bytes(data)
    portions = list(web_log_format(path).read(Content(path, name), Origin(name, NOW)))
    bad, before = [], 0
    for each in portions:
        bad += [(before + at, record) for at, record in each.bad]
        before += each.read
    return WebLogs(
        pl.concat([each.rows for each in portions]),
        pl.concat([each.deletes for each in portions]),
        bad,
        before,
    )


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", "NULL", "\\N", "\\", 'a"b', "a,b", "a\nb", "a\tb\r\n", "\\n", "__dap_unspecified__", "é"]
)
IDS = st.none() | st.integers(-(2**63), 2**63 - 1)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return delete()
    value: dict[str, Any] = {
        "user_agent": draw(st.none() | TEXTS),
        "url": "/" + draw(TEXTS),
        "user_id": draw(IDS),
        "http_status": draw(st.sampled_from([200, 499, -1])),
        "participated": draw(st.booleans()),
    }
    value |= {"new_column": draw(TEXTS)} if kind == 1 else {}
    if kind == 2:
        value["interaction_micros"] = 2**31
    return row_at(draw(st.integers(0, 200)), **{k: v for k, v in value.items() if v is not None})


@settings(max_examples=30, deadline=None)
@given(st.lists(documents(), min_size=1, max_size=12), st.sampled_from(TABLES), st.data())
def test_a_table_holds_what_its_lines_hold(
    rows: list[dict[str, Any]], kind: str, data: st.DataObject
) -> None:
    with TemporaryDirectory() as name:
        directory = Path(name)
        lines = read(exported(rows, "jsonl", packed=False), "a.jsonl", directory)
        content = exported(rows, kind, packed=False)
        if data.draw(st.booleans()):
            table = read(gzip.compress(content), f"a.{kind}.gz", directory)
        else:
            table = read(content, f"a.{kind}", directory)
    assert table.rows.equals(lines.rows)
    assert table.deletes.equals(lines.deletes)
    assert [(at, record.reason) for at, record in table.bad] == [
        (at, record.reason) for at, record in lines.bad
    ]
    assert table.read == len(rows)


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_a_broken_record_costs_its_neighbours_nothing_and_is_kept_with_the_header(
    kind: str, tmp_path: Path
) -> None:
    rows = [row_at(m) for m in range(5)]
    head, *records = exported(rows, kind, packed=False).split(b"\n")[:-1]
    records[1] += b",,\t\t"
    records[3] = records[3].replace(b"GET", b"\xff\xfe")
    found = read(b"\r\n".join([head, *records]), f"a.{kind}", tmp_path)
    assert found.rows["id"].to_list() == [rows[at]["key"]["id"] for at in (0, 2, 4)]
    assert [(at, bad.reason, bad.location) for at, bad in found.bad] == [
        (1, "shape", f"a.{kind}:3"),
        (3, "shape", f"a.{kind}:5"),
    ]
    assert [bad.payload for _, bad in found.bad] == [
        head + b"\n" + records[1],
        head + b"\n" + records[3],
    ]


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_a_bad_value_is_dead_as_the_line_that_its_row_would_be(kind: str, tmp_path: Path) -> None:
    rows = [row_at(1), row_at(2, http_status="x", user_agent='a "quoted", one')]
    found = read(exported(rows, kind, packed=False), f"a.{kind}", tmp_path)
    [(at, bad)] = found.bad
    assert (at, bad.location) == (1, f"a.{kind}:3")
    kept = json.loads(bad.payload)
    assert (kept["key"], kept["meta"]) == (rows[1]["key"], rows[1]["meta"])
    assert {name: str(value).lower() for name, value in rows[1]["value"].items()} == {
        name: value.lower() for name, value in kept["value"].items() if value is not None
    }
    assert found.rows.height == 1


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.parquet"])
def test_what_is_no_export_is_refused_in_words(name: str, tmp_path: Path) -> None:
    contents = {"a.csv": b"id,url\n1,/\n", "a.tsv": b"id\turl\n1\t/\n"}
    pl.DataFrame({"id": [1]}).write_parquet(tmp_path / "other")
    content = contents.get(name) or (tmp_path / "other").read_bytes()
    with pytest.raises(OurMistake, match=rf"{name}.*column key.id"):
        read(content, name, tmp_path)


def test_a_quote_that_is_never_closed_is_said_not_held(tmp_path: Path) -> None:
    data = exported([row_at(1)], "csv", packed=False) + b'"' + b"x" * (33 << 20)
    with pytest.raises(OurMistake, match="a quote seems to be missing"):
        read(data, "a.csv", tmp_path)


def test_nested_parquet_is_the_same_as_dotted(tmp_path: Path) -> None:
    rows = [row_at(m) for m in range(3)]
    pl.DataFrame(rows).write_parquet(tmp_path / "nested")
    nested = read((tmp_path / "nested").read_bytes(), "n.parquet", tmp_path)
    dotted = read(exported(rows, "parquet"), "d.parquet", tmp_path)
    assert nested.rows.height == 3
    assert nested.rows.equals(dotted.rows)


def test_instants_of_parquet_are_read_to_the_microsecond(tmp_path: Path) -> None:
    rows = [row_at(m) for m in range(3)]
    texts = pl.read_parquet(exported(rows, "parquet"))
    instants = texts.with_columns(
        pl.col("value.timestamp")
        .str.slice(0, len("2026-02-15T00:00:00.000"))
        .str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", time_zone="UTC")
    )
    instants.write_parquet(tmp_path / "typed")
    typed = read((tmp_path / "typed").read_bytes(), "t.parquet", tmp_path)
    assert typed.rows.equals(read(exported(rows, "parquet"), "a.parquet", tmp_path).rows)
