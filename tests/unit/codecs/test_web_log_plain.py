"""Plain rows: what the compiled way takes, it reads as the careful way does."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.canonical import hex_128
from pipeline.codecs.json_lines import JsonLines
from pipeline.codecs.web_log_lines import read_line
from pipeline.codecs.web_log_plain import read_plain
from tests.support.raw_rows import GOOD_VALUE, line, raw_lines, row

COMPACT = (",", ":")


def assert_read_as_carefully(text: bytes) -> None:
    rows, odd = read_plain(JsonLines.of([text]))
    assert odd == ([] if rows.height else [0])
    for found in rows.to_dicts():
        careful = read_line(text, "x:1")
        assert isinstance(careful, dict)
        assert hex_128(found.pop("id")) == hex_128(careful.pop("id"))
        assert found == {"row": 0, **careful}


@settings(max_examples=300, deadline=None)
@given(raw_lines())
def test_what_is_taken_is_read_as_carefully(text: bytes) -> None:
    assert_read_as_carefully(text)


@settings(max_examples=600, deadline=None)
@given(st.data(), st.sampled_from([None, COMPACT]), st.integers(1, 3))
def test_damaged_lines_are_left_or_read_as_carefully(
    data: st.DataObject, separators: tuple[str, str] | None, edits: int
) -> None:
    text = bytearray(json.dumps(row(), separators=separators).encode())
    for _ in range(edits):
        at = data.draw(st.integers(0, len(text) - 1))
        replacement = data.draw(
            st.sampled_from([b"", b'"', b"\\", b",", b"}", b"{", b" ", b"0", b"-", b"null", b"\t"])
            | st.binary(max_size=2)
        )
        until = at + data.draw(st.integers(0, 2))
        text[at:until] = replacement.replace(b"\n", b"")
    assert_read_as_carefully(bytes(text))


@settings(max_examples=300, deadline=None)
@given(
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)),  # noqa: DTZ001 (UTC is added)
    st.integers(0, 9),
)
def test_every_instant_of_the_export_is_plain(moment: datetime, digits: int) -> None:
    text = moment.isoformat(timespec="seconds")
    if digits:
        text += "." + f"{moment.microsecond:06d}789"[:digits]
    rows, odd = read_plain(JsonLines.of([line(row(timestamp=text + "Z"))]))
    assert odd == []
    step = 10 ** (6 - min(digits, 6))
    elapsed = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    micros = elapsed.days * 86_400_000_000 + elapsed.seconds * 1_000_000
    assert rows["timestamp"].to_list() == [micros + moment.microsecond // step * step]


@settings(max_examples=300, deadline=None)
@given(st.from_regex(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z"))
def test_days_that_do_not_exist_are_left(text: str) -> None:
    assert_read_as_carefully(line(row(timestamp=text.strip())))


@settings(max_examples=300, deadline=None)
@given(
    st.integers(-(2**64), 2**64) | st.integers(-(2**31) - 2, 2**31 + 2),
    st.sampled_from(["user_id", "http_status", "interaction_micros"]),
)
def test_whole_numbers_are_read_as_carefully(number: int, name: str) -> None:
    text = line(row(**{name: number}))
    assert_read_as_carefully(text)
    if abs(number) < 2**31:
        assert read_plain(JsonLines.of([text])).odd == []


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\')))
def test_every_ascii_text_without_escapes_is_plain(text: str) -> None:
    rows, odd = read_plain(JsonLines.of([line(row(url=text, user_agent=text))]))
    assert odd == []
    assert rows.select("url", "user_agent").row(0) == (text, text)


@settings(max_examples=100, deadline=None)
@given(st.permutations(list(GOOD_VALUE)), st.lists(st.sampled_from(["user_id", "session_id"])))
def test_columns_come_in_any_order_and_may_be_null(names: list[str], null: list[str]) -> None:
    value: dict[str, Any] = {name: None if name in null else GOOD_VALUE[name] for name in names}
    document = row()
    text = line({"value": value, "key": document["key"], "meta": document["meta"]})
    assert read_plain(JsonLines.of([text])).odd == []
    assert_read_as_carefully(text)


@settings(max_examples=100, deadline=None)
@given(st.lists(raw_lines(), max_size=12))
def test_lines_do_not_know_each_other(lines: list[bytes]) -> None:
    together, odd = read_plain(JsonLines.of(lines))
    alone = [read_plain(JsonLines.of([text])) for text in lines]
    assert odd == [at for at, (rows, _) in enumerate(alone) if rows.is_empty()]
    expected = [found for rows, _ in alone for found in rows.drop("row").to_dicts()]
    assert together.drop("row").to_dicts() == expected


@pytest.mark.parametrize("lines", [[], [b""], [b"", b"{"]])
def test_nothing_is_no_row(lines: list[bytes]) -> None:
    assert read_plain(JsonLines.of(lines)).rows.is_empty()
