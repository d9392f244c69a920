"""Whatever a source sends, every row of it is published or dead, and nothing crashes."""

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.canvas.live_event_pairs import SHAPES, Happening, in_caliper, in_canvas_format
from tests.support.fuzz_laws import check_live_events, check_web_logs
from tests.support.raw_rows import raw_lines, row

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(
        [
            *("", " ", "0", "-1", "1e3", "9" * 40, "1~2", "\x00", "\ud800", "__dap_unspecified__"),
            *("urn:instructure:canvas:user:5", "urn:instructure:canvas:course:5:section:6"),
            *("2026-03-02T14:05:06Z", "9999-12-31T23:59:60Z", "?access_token=S3cr3t", "İ"),
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "numberStr", "type", "extensions", "x"]), inner)
    ),
    max_leaves=8,
)


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """A document with up to three of its values, at any depth, replaced or taken out."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        part = document
        while isinstance(part, dict | list) and part:
            at = draw(st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part))))
            deeper = isinstance(part[at], dict | list) and part[at] and draw(st.integers(0, 3))
            if deeper:
                part = part[at]
            elif draw(st.integers(0, 3)):
                part[at] = draw(json_values)
                break
            else:
                del part[at]
                break
    return document


happenings = st.builds(
    Happening,
    name=st.sampled_from(sorted(SHAPES)),
    session=st.none() | st.just("ef686f8ed684abf78cbfa1f6a58112b5"),
    user_id=st.sampled_from([None, 0, 21070000000000048]),
    course_id=st.sampled_from([None, 21070000000000565]),
    by_job=st.booleans(),
)
events = st.one_of(
    happenings.map(in_canvas_format).flatmap(mutated),
    happenings.map(in_caliper).flatmap(mutated),
    json_values,
)
payloads = (
    (events | st.lists(events, max_size=3)).map(lambda document: json.dumps(document).encode())
    | st.binary(max_size=40)
    | st.sampled_from([b"\xef\xbb\xbf{}", b"[" * 5_000, b"NaN", b'{"data":[]}', b"1" * 5_000])
)


@settings(max_examples=250, deadline=None)
@given(st.lists(payloads, max_size=4))
def test_every_live_event_is_published_or_dead(raws: list[bytes]) -> None:
    check_live_events(raws)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        raw_lines()
        | mutated(row()).map(lambda document: json.dumps(document).encode())
        | json_values.map(lambda document: json.dumps(document).encode())
        | st.binary(max_size=40),
        max_size=5,
    )
)
def test_every_row_of_web_logs_is_published_or_dead(lines: list[bytes]) -> None:
    check_web_logs(lines)
