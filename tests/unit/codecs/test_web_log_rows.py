"""web_logs rows: both ways of reading agree, nothing is lost, what is wrong is said."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.json_lines import JsonLines
from pipeline.codecs.text_lines import TextLines
from pipeline.codecs.web_log_fields import CONTENT
from pipeline.codecs.web_log_rows import (
    Origin,
    WebLogs,
    read_web_log_text,
    read_web_logs,
    web_log_key,
)
from tests.support.raw_rows import GOOD_ID, GOOD_VALUE, META, line, raw_lines, row

NOW = 1_771_200_000_000_000
ORIGIN = Origin("export.jsonl", NOW)


def read(*documents: Any, origin: Origin = ORIGIN) -> WebLogs:
    lines = [item if isinstance(item, bytes) else line(item) for item in documents]
    return read_web_logs(lines, 1, origin)


def one(document: Any, origin: Origin = ORIGIN) -> dict[str, Any]:
    logs = read(document, origin=origin)
    assert not logs.bad
    assert logs.rows.height == 1
    return logs.rows.row(0, named=True)


def carefully(document: Any) -> bytes:
    """The same row as a line that the columns' way does not vouch for: a member comes twice."""
    text = document if isinstance(document, bytes) else line(document)
    return text[:-1] + b',"twice":null,"twice":null}'


@settings(max_examples=60, deadline=None)
@given(st.lists(raw_lines(), max_size=12))
def test_a_line_reads_the_same_alone_carefully_and_among_others(lines: list[bytes]) -> None:
    together = read(*lines)
    alone = [read_web_logs([text], number, ORIGIN) for number, text in enumerate(lines, start=1)]
    assert together.rows.to_dicts() == [r for logs in alone for r in logs.rows.to_dicts()]
    assert together.deletes.to_dicts() == [r for logs in alone for r in logs.deletes.to_dicts()]
    assert [bad for _, bad in together.bad] == [bad for logs in alone for _, bad in logs.bad]
    assert together.read == len(lines)
    assert together.read == together.rows.height + together.deletes.height + len(together.bad)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(raw_lines() | st.sampled_from([line(row()), b"", b"{", b"}"]), max_size=8),
    st.sampled_from([b"\n", b"\r\n", b" \n"]),
    st.sampled_from([b"", b"\n"]),
)
def test_a_text_reads_as_its_lines(lines: list[bytes], between: bytes, end: bytes) -> None:
    text = between.join(lines) + end
    whole = read_web_log_text(TextLines.of(text), 7, ORIGIN)
    single = read_web_logs(text.split(b"\n"), 7, ORIGIN)
    assert whole.rows.to_dicts() == single.rows.to_dicts()
    assert whole.deletes.to_dicts() == single.deletes.to_dicts()
    assert whole.bad == single.bad
    assert whole.read == single.read


@given(st.lists(st.sampled_from([line(row()), b"", b" ", b"x", b" {}\r", b"{"]), max_size=40))
def test_lines_are_read_where_they_lie(lines: list[bytes]) -> None:
    """Without white space around them, and without blank ones."""
    found = JsonLines.found(TextLines.of(b"\n".join(lines)))
    assert found is not None
    objects, places = found
    assert [objects.line(at) for at in range(objects.size)] == [
        text.strip() for text in lines if text.strip()
    ]
    assert places.tolist() == [at for at, text in enumerate(lines) if text.strip()]


def test_many_lines_that_are_no_bare_objects_are_split() -> None:
    assert JsonLines.found(TextLines.of(b" {}\n" * 2_000)) is None


@given(st.lists(st.sampled_from([b"", b"a", b"\n\n", b"12345678", b"\x0b\x8a\n\x0b"])))
def test_line_ends_are_found_wherever_they_lie(pieces: list[bytes]) -> None:
    text = b"".join(pieces)
    lines = TextLines.of(*pieces)
    assert lines.text() == text
    starts = [0, *(lines.ends[:-1] + 1).tolist()]
    read = [text[start:end] for start, end in zip(starts, lines.ends, strict=False)]
    assert read == text.removesuffix(b"\n").split(b"\n") if text else not read


@settings(max_examples=60, deadline=None)
@given(raw_lines())
def test_the_columns_way_agrees_with_the_careful_way(text: bytes) -> None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    if not isinstance(document, dict) or document == {}:
        return
    fast, slow = read(text), read(carefully(text))
    assert fast.rows.to_dicts() == slow.rows.to_dicts()
    assert fast.deletes.to_dicts() == slow.deletes.to_dicts()
    assert [(bad.reason, bad.detail) for _, bad in fast.bad] == [
        (bad.reason, bad.detail) for _, bad in slow.bad
    ]


@settings(max_examples=20, deadline=None)
@given(st.lists(raw_lines(), min_size=1, max_size=6), st.integers(0, 60))
def test_bad_lines_never_cost_their_neighbours(odd: list[bytes], at: int) -> None:
    good = [line(row(f"{number:032x}")) for number in range(60)]
    logs = read(*good[:at], *odd, *good[at:])
    ids = set(logs.rows["id"].to_list())
    assert {f"00000000-0000-0000-0000-{number:012x}" for number in range(60)} <= ids


def test_a_row_keeps_every_column() -> None:
    result = one(row())
    assert tuple(result) == CONTENT
    assert result["timestamp"] == 1_771_129_867_218_000
    assert result["committed_at"] == 1_771_142_651_312_000
    assert result["session_id"] == "ef686f8ed684abf78cbfa1f6a58112b5"
    same = {
        name: item for name, item in GOOD_VALUE.items() if name not in ("timestamp", "session_id")
    }
    assert {name: result[name] for name in same} == same
    assert result["extra"] is None


@pytest.mark.parametrize(
    ("change", "column", "expected"),
    [
        ({"http_version": "HTTP/2.0"}, "http_version", "2.0"),
        ({"http_version": 1.1}, "http_version", "1.1"),
        ({"user_id": "48"}, "user_id", 48),
        ({"user_id": "412~17342"}, "user_id", 4_120_000_000_017_342),
        ({"user_id": None}, "user_id", None),
        ({"user_id": ...}, "user_id", None),
        ({"user_id": 21_070_000_000_000_017}, "user_id", 21_070_000_000_000_017),
        ({"user_agent": "__dap_oversized_truncated__"}, "user_agent", None),
        ({"user_agent": "_dap_unspecified_"}, "user_agent", None),
        ({"user_agent": " "}, "user_agent", None),
        ({"web_application_action": "__DAP_unspecified__"}, "web_application_action", None),
        ({"session_id": "not a session"}, "session_id", None),
        ({"session_id": ""}, "session_id", None),
        ({"interaction_micros": -5}, "interaction_micros", -5),
        ({"http_status": 520}, "http_status", 520),
        ({"http_method": "PURGE"}, "http_method", "PURGE"),
        ({"remote_ip": "2001:db8::17"}, "remote_ip", "2001:db8::17"),
        ({"participated": "t"}, "participated", True),
        ({"timestamp": "2026-02-14 20:31:07 -0800"}, "timestamp", 1_771_129_867_000_000),
        ({"user_agent_id": 7, "ja4": "x"}, "extra", '{"ja4":"x","user_agent_id":7}'),
        ({"seen_at": "2026-02-14T20:31:07Z"}, "extra", '{"seen_at":"2026-02-14T20:31:07Z"}'),
        ({"x": {"access_token": "abc"}}, "extra", '{"x":{"access_token":"REDACTED"}}'),
    ],
)
def test_a_column_becomes_canonical(change: dict[str, Any], column: str, expected: Any) -> None:
    assert one(row(**change))[column] == expected


def test_ids_of_the_home_shard_become_local() -> None:
    document = row(user_id=21_070_000_000_000_017, real_user_id="2108~5", course_id=9)
    result = one(document, Origin("x", NOW, home_shard=2107))
    assert (result["user_id"], result["real_user_id"], result["course_id"]) == (
        17,
        21_080_000_000_000_005,
        9,
    )


def test_unknown_members_of_the_envelope_are_kept() -> None:
    document = {**row(), "meta": {"ts": "soon", "action": "I", "more": 1}, "top": 2}
    extra = json.loads(one(document)["extra"])
    assert extra == {"meta.ts": "soon", "meta.action": "I", "meta.more": 1, "row.top": 2}


@pytest.mark.parametrize(
    ("document", "reason", "detail"),
    [
        (b"{", "json", "Expecting property name enclosed in double quotes at character 1"),
        (b"\xff{}", "json", "byte 0 is not UTF-8"),
        (b'{"value":NaN}', "json", "it holds a number that JSON does not know, or one too long"),
        (b"[" * 5000, "json", "it is nested too deeply"),
        (b"null", "shape", "a row should be a JSON object"),
        ({"key": {"id": GOOD_ID}}, "shape", "value is missing"),
        ({"key": 5, "value": {}}, "shape", "key should be a JSON object"),
        (row(url=...), "shape", "url is missing"),
        (
            row(url=None, http_status="x"),
            "shape",
            "url is missing; http_status an id is a whole number",
        ),
        (row("x"), "value", "id should be a UUID"),
        (row(http_status=2**31), "value", "http_status should fit into 32 bits"),
        (row(user_id="abc"), "value", "user_id an id is a whole number"),
        (row(user_id=True), "value", "user_id an id is a whole number, not true or false"),
        (row(participated="maybe"), "value", "participated should be true or false"),
        (
            row(timestamp="2026-02-30T00:00:00Z"),
            "value",
            "timestamp should be an instant like 2026-02-15T04:31:07.218Z",
        ),
        (row(timestamp="1999-12-31T23:59:59Z"), "time", "the row is dated before 2000-01-01"),
        (
            row(timestamp="2026-02-16T01:00:00.000001Z"),
            "time",
            "the row is dated 3600 s after it was read",
        ),
        (row(id="0" * 32), "shape", "key.id and value.id differ"),
        ({"meta": {"action": "D"}, "key": {"id": "x"}}, "shape", "key.id should be a UUID"),
    ],
)
def test_what_is_wrong_is_said_without_quoting_it(document: Any, reason: str, detail: str) -> None:
    logs = read(row(), document)
    assert logs.rows.height == 1
    [(position, bad)] = logs.bad
    assert (position, bad.location, bad.reason) == (1, "export.jsonl:2", reason)
    assert bad.detail == detail.replace("http_status an id is a", "http_status an id is a")
    assert bad.payload == (document if isinstance(document, bytes) else line(document))


def test_exactly_an_hour_ahead_is_in_time() -> None:
    assert one(row(timestamp="2026-02-16T01:00:00Z"))["timestamp"] == NOW + 3_600_000_000


def test_a_delete_needs_only_its_id() -> None:
    logs = read({"meta": {**META, "action": "D"}, "key": {"id": GOOD_ID.upper()}}, row())
    assert logs.deletes.to_dicts() == [{"id": GOOD_ID, "requested_at": 1_771_142_651_312_000}]
    assert logs.rows.height == 1


def test_the_key_may_stand_in_the_value_alone() -> None:
    document = row(id=GOOD_ID)
    del document["key"]
    assert one(document)["id"] == GOOD_ID


def test_blank_lines_count_for_numbers_only() -> None:
    logs = read_web_logs([b"", line(row()), b"  \r", b"x"], 10, ORIGIN)
    assert logs.read == 2
    assert [bad.location for _, bad in logs.bad] == ["export.jsonl:13"]


def test_a_row_beyond_the_limit_is_cut_and_says_so() -> None:
    document = row(url="/x?" + "é" * 50_000, big={"text": "y" * 80_000})
    result = one(document, Origin("x", NOW, record_limit=20_000))
    assert result["truncated"]
    assert result["id"] == GOOD_ID
    assert len(result["url"].encode()) <= 20_000
    assert result["url"].endswith("…")
    assert json.loads(result["extra"]) == {"truncated": True, "length": 80_019}
    assert not one(row())["truncated"]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({}, "ef686f8ed684abf78cbfa1f6a58112b5"),
        ({"session_id": "none", "real_user_id": 3}, "3"),
        ({"session_id": ...}, "48"),
        ({"session_id": ..., "user_id": ...}, "93.184.216.34"),
        ({"session_id": ..., "user_id": ..., "remote_ip": ""}, GOOD_ID),
        ({"session_id": ..., "user_id": ..., "remote_ip": " "}, GOOD_ID),
        ({"session_id": ..., "user_id": ..., "remote_ip": "__dap_unspecified__"}, GOOD_ID),
    ],
)
def test_the_key_is_session_else_actor_else_ip_else_id(change: dict[str, Any], key: str) -> None:
    rows = read(row(**change)).rows
    assert rows.select(web_log_key()).to_series().to_list() == [key]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([name for name, item in GOOD_VALUE.items() if isinstance(item, str)] + ["new"]),
    st.sampled_from(
        ["access_token=", "a?b=1&VERIFIER=", "x%3Fsession%5Ftoken%3D", "/feeds/c/user_"]
    ),
)
def test_a_planted_secret_never_survives(column: str, prefix: str) -> None:
    if column in ("timestamp", "session_id"):
        return
    for document in (
        row(**{column: f"{prefix}S3cr3tS3cr3t&x=1"}),
        row(**{column: prefix + "S3cr3t"}),
    ):
        logs = read(document)
        assert "S3cr3t" not in json.dumps(logs.rows.to_dicts())


def test_no_lines_are_no_rows() -> None:
    logs = read_web_logs([], 1, ORIGIN)
    assert logs.rows.columns == list(CONTENT)
    assert logs.rows.schema["timestamp"] == pl.Int64
    assert logs.read == 0
