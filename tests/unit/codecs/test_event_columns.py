"""An event batch as arrays says what the frame says."""

from typing import Any

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.aggregate.deltas import RequestDeltas
from pipeline.codecs.event_batch import WEB_LOG_COLUMNS, WEB_LOG_SCHEMA, event_batch
from pipeline.codecs.event_columns import EventColumns
from pipeline.codecs.request_batch import FrameColumns, request_columns
from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.feeds import WEB_LOGS
from pipeline.sessionize.sessions import Sessions

_TEXT = st.sampled_from(["", "x", "login/canvas", "a text longer than a view", "é" * 20])
_ID = st.none() | st.integers(1, 5)
_ROW: dict[str, st.SearchStrategy[Any]] = {
    "id": st.integers(1, 9).map(lambda number: f"{number:032x}"),
    "timestamp": st.integers(1_760_000_000, 1_760_009_000).map(lambda at: at * 1_000_000),
    **dict.fromkeys(("user_id", "real_user_id", "course_id", "developer_key_id"), _ID),
    "url": st.sampled_from(["/courses/1?x=1", "/api/v1/users/2/files", ""]),
    "http_method": st.sampled_from(["GET", "POST"]),
    "http_status": st.sampled_from([200, 401, 403, 500]),
    "remote_ip": _TEXT,
    "interaction_micros": st.integers(-5, 5_000_000),
    "web_application_controller": st.none() | _TEXT,
    "web_application_action": st.none() | _TEXT,
    "session_id": st.none() | st.just("no id") | st.integers(1, 4).map(lambda n: f"{n:032x}"),
    "participated": st.booleans(),
    "user_agent": st.none() | _TEXT,
}
_TYPES = {
    **dict.fromkeys(WEB_LOG_COLUMNS, pl.String()),
    **dict.fromkeys(("timestamp", "interaction_micros"), pl.Int64()),
    **dict.fromkeys(("user_id", "real_user_id", "course_id", "developer_key_id"), pl.Int64()),
    "http_status": pl.Int32(),
    "participated": pl.Boolean(),
}


@st.composite
def batches(draw: st.DrawFn) -> tuple[EventColumns, pl.DataFrame]:
    """Draw the same rows as arrays and as a frame."""
    rows = draw(st.lists(st.fixed_dictionaries(_ROW), min_size=1, max_size=20))
    decoded = pl.DataFrame(rows, schema=_TYPES, orient="row").with_columns(
        pl.Series("_offset", range(len(rows)), pl.Int64)
    )
    columns = request_columns(FrameColumns(decoded), decoded["_offset"].to_numpy())
    return columns, event_batch(WEB_LOGS, decoded)


@given(batches(), st.data())
def test_some_rows_of_arrays_are_some_rows_of_the_frame(
    both: tuple[EventColumns, pl.DataFrame], data: st.DataObject
) -> None:
    columns, frame = both
    assert columns.frame(WEB_LOG_SCHEMA).equals(frame)
    assert frame.schema == WEB_LOG_SCHEMA
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=len(frame), max_size=len(frame))))
    taken = columns.some(np.flatnonzero(chosen)).frame(WEB_LOG_SCHEMA)
    assert taken.equals(frame.filter(pl.Series(chosen)))
    first = data.draw(st.integers(0, len(frame)))
    part = columns.part(first, first + 3)
    assert part.frame(WEB_LOG_SCHEMA).equals(frame[first : first + 3])


@given(batches())
def test_sessions_and_deltas_are_the_same_of_arrays_and_of_a_frame(
    both: tuple[EventColumns, pl.DataFrame],
) -> None:
    columns, frame = both
    found = []
    for batch in (columns, columns.some(np.arange(columns.height)), frame):
        deltas, sessions = RequestDeltas(), Sessions(EventTimeRules())
        deltas.add(WEB_LOGS, batch)
        sessions.add(WEB_LOGS, batch)
        found.append((deltas.take(0, 1), sessions.take(1)))
    for deltas_of_arrays, sessions_of_arrays in found[:2]:
        assert deltas_of_arrays.equals(found[2][0])
        assert sessions_of_arrays.equals(found[2][1])
