"""Raw web_logs rows as the Data Access Platform exports them, good, odd and bad."""

import json
from typing import Any

from hypothesis import strategies as st

GOOD_VALUE: dict[str, Any] = {
    "timestamp": "2026-02-15T04:31:07.218Z",
    "user_id": 48,
    "course_id": 565,
    "url": "/courses/565/modules",
    "http_method": "GET",
    "http_status": 200,
    "http_version": "2.0",
    "remote_ip": "93.184.216.34",
    "interaction_micros": 310824,
    "web_application_controller": "context_modules",
    "web_application_action": "index",
    "web_application_context_type": "Course",
    "web_application_context_id": 565,
    "session_id": "ef686f8e-d684-abf7-8cbf-a1f6a58112b5",
    "participated": False,
    "user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_3)",
}
GOOD_ID = "1dd9dc6f-2fb0-4c19-a6c5-7ee1bf3ed295"
META = {"action": "U", "ts": "2026-02-15T08:04:11.312Z"}


def row(row_id: str = GOOD_ID, **value: Any) -> dict[str, Any]:
    """Return an export row; a value of ... removes the column."""
    merged = {**GOOD_VALUE, **value}
    kept = {name: item for name, item in merged.items() if item is not ...}
    return {"meta": dict(META), "key": {"id": row_id}, "value": kept}


def line(document: Any) -> bytes:
    """Return a document as a line."""
    return json.dumps(document).encode()


_IDS = st.sampled_from([1, 0, -3, 10_000_000_000_017, 2**63 - 1, -(2**63), 2**63, 1.0, 1.5, True])
_TEXT_IDS = st.sampled_from(["12", "412~17342", " 7 ", "", "x", "__dap_unspecified__", "-5", "007"])
_TEXTS = st.sampled_from(
    ["", " ", "x", "__dap_oversized_truncated__", "_cd2_unspecified_", "é\u2028", "a\x00b", 5, 1.5]
) | st.text(max_size=5)
_INSTANTS = st.sampled_from(
    [
        "2026-02-15T04:31:07Z",
        "2026-02-15T04:31:07.2189996Z",
        "2026-02-15 04:31:07 -0800",
        "2026-02-15T04:31:07-06:00",
        "2026-02-30T00:00:00Z",
        "1999-12-31T23:59:59Z",
        "2999-01-01T00:00:00Z",
        "yesterday",
        17,
        "",
    ]
)
_SESSIONS = st.sampled_from(
    ["EF686F8ED684ABF78CBFA1F6A58112B5", "urn:x:session:ef686f8ed684abf78cbfa1f6a58112b5", "zz", ""]
)
_WHOLES = st.sampled_from([499, "403", 2**31, -(2**31), 3.0, 3.5, "x", -20, False])
_FLAGS = st.sampled_from([True, "t", "FALSE", 1, "maybe"])
_EXTRAS = st.sampled_from(
    [1, "x", True, 1.5, None, [1], {"token": "s3cr3t"}, "2026-02-15T00:00:00Z"]
)

_CHANGES = st.one_of(
    st.tuples(st.sampled_from(["user_id", "quiz_id"]), _IDS | _TEXT_IDS),
    st.tuples(st.sampled_from(["url", "http_method", "user_agent", "remote_ip"]), _TEXTS),
    st.tuples(st.sampled_from(["web_application_action", "http_version"]), _TEXTS),
    st.tuples(st.just("timestamp"), _INSTANTS),
    st.tuples(st.just("session_id"), _SESSIONS),
    st.tuples(st.sampled_from(["http_status", "interaction_micros"]), _WHOLES),
    st.tuples(st.just("participated"), _FLAGS),
    st.tuples(st.sampled_from(["new_column", "ja4", "access_token"]), _EXTRAS),
    st.tuples(st.sampled_from(list(GOOD_VALUE)), st.just(None) | st.just(...)),
    st.tuples(st.just("id"), st.sampled_from([GOOD_ID, GOOD_ID.upper(), "x", 5, None])),
)
_ROW_IDS = st.sampled_from(
    [GOOD_ID, GOOD_ID.upper(), GOOD_ID.replace("-", ""), f"urn:uuid:{GOOD_ID}", "x", "", None, 5]
)
_METAS = st.sampled_from(
    [
        META,
        {},
        None,
        {"ts": "2026-02-15T08:04:11Z"},
        {"action": "D", "ts": "2026-02-15T08:04:11Z"},
        {"action": "I"},
        {"ts": "soon"},
        {"action": None, "more": 1},
        5,
    ]
)


@st.composite
def raw_lines(draw: st.DrawFn) -> bytes:
    """A line of an export: usually good but for a column or two."""
    if draw(st.integers(0, 9)) == 0:
        return draw(
            st.sampled_from(
                [
                    *(b"null", b"{", b"[]", b"{} {}", b"{}", b'{"value":5}', b"\xff", b"x"),
                    *(b'{"a":NaN}', b'{"key":{"id":"\\ud800"}}'),
                    b'{"value":' + b"[" * 3000 + b"]" * 3000 + b"}",
                    b'{"value":{"x":' + b"[" * 1500 + b"]" * 1500 + b"}}",
                ]
            )
        )
    changes = dict(draw(st.lists(_CHANGES, max_size=2)))
    document = row(**changes)
    if draw(st.integers(0, 3)) == 0:
        document["key"] = {"id": draw(_ROW_IDS)}
    if draw(st.integers(0, 3)) == 0:
        document["meta"] = draw(_METAS)
    names = draw(st.permutations(list(document)))
    return line({name: document[name] for name in names if document[name] is not None})
