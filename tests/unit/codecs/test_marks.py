"""Marks say event time in a header and nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.marks import MARK_HEADER, Mark, StageMark, mark_headers, read_mark
from pipeline.domain.feeds import FEEDS

FEED = st.sampled_from(FEEDS)
TIME = st.integers(-(1 << 62), 1 << 62)
MARKS = st.builds(Mark, FEED, TIME) | st.builds(
    StageMark,
    st.integers(0, 1000),
    st.dictionaries(FEED, TIME),
    st.lists(FEED, unique=True).map(tuple),
    st.none() | TIME,
)


@given(MARKS)
def test_a_mark_is_read_as_it_was_said(mark: Mark | StageMark) -> None:
    assert read_mark(mark_headers(mark)) == mark


def test_the_header_is_compact_json() -> None:
    headers = mark_headers(Mark("web_logs", 1_700_000_000_000_000))
    assert headers == (("watermark", b'{"feed":"web_logs","at":1700000000000000}'),)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "[]",
        "5",
        '{"feed":"nonsense","at":1}',
        '{"feed":"web_logs","at":"1"}',
        '{"feed":"web_logs","at":true}',
        '{"feed":["web_logs"],"at":1}',
        '{"partition":1}',
        '{"partition":1,"limit":1,"watermarks":{"web_logs":null},"idle":[]}',
        '{"partition":1,"limit":1,"watermarks":[],"idle":[]}',
    ],
)
def test_anything_else_is_no_mark(said: str) -> None:
    assert read_mark([(MARK_HEADER, said.encode())]) is None
    assert read_mark([("other", b"x"), (MARK_HEADER, None)]) is None
    assert read_mark([(MARK_HEADER, b"\xff")]) is None


def test_feeds_unknown_to_us_are_left_out() -> None:
    said = {"partition": 1, "watermarks": {"web_logs": 1, "new": 2}, "idle": ["newer"], "limit": 0}
    headers = [(MARK_HEADER, json.dumps(said).encode())]
    assert read_mark(headers) == StageMark(1, {"web_logs": 1}, (), 0)
