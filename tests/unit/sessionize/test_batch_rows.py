"""Batches as the kernel over rows takes them."""

from typing import Any

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.event_batch import EVENT_SCHEMA
from pipeline.sessionize import layout as at
from pipeline.sessionize import row_kernels as row
from pipeline.sessionize.batch_rows import batch_rows
from pipeline.sessionize.text_views import text_views
from tests.support import oracle

U64 = st.integers(0, (1 << 64) - 1)
LONGS = st.integers(-(1 << 63), (1 << 63) - 1)
TEXTS = st.text(max_size=40) | st.text(st.sampled_from("ab"), min_size=24, max_size=26)
VALUES: dict[pl.DataType, st.SearchStrategy[Any]] = {
    pl.Int64(): LONGS,
    pl.UInt64(): U64,
    pl.Int32(): st.integers(0, 999),
    pl.Int8(): st.integers(0, 2),
    pl.Boolean(): st.booleans(),
    pl.String(): TEXTS,
}
NEVER_NULL = {"offset", "time", "duration", "status", "login", "key_hi", "key_lo"}
NEVER_NULL |= {"session_hi", "session_lo", "write", "participated", "page", "masqueraded"}
NEVER_NULL |= {"failed_login"}
ROWS = st.fixed_dictionaries(
    {
        name: VALUES[dtype] if name in NEVER_NULL else VALUES[dtype] | st.none()
        for name, dtype in EVENT_SCHEMA.items()
    }
)
MEMBERS = (
    (at.COURSES, "course", oracle.splitmix),
    (at.CONTROLLERS, "controller", oracle.text_hash),
    (at.IPS, "ip", oracle.text_hash),
    (at.USER_AGENTS, "user_agent", oracle.text_hash),
    (at.USERS, "user", oracle.splitmix),
    (at.DEVELOPER_KEYS, "developer_key", oracle.splitmix),
)
FLAGS = (
    (row.PAGE, lambda each: each["page"]),
    (row.WRITE, lambda each: each["write"]),
    (row.PARTICIPATED, lambda each: each["participated"]),
    (row.MASQUERADED, lambda each: each["masqueraded"]),
    (row.LOGIN, lambda each: each["login"] == 1),
    (row.LOGOUT, lambda each: each["login"] == 2),
    (row.HAS_ACTOR, lambda each: each["actor"] is not None),
    (row.HAS_PATH, lambda each: each["path"] is not None),
    (row.HAS_SESSION, lambda each: each["session_id"] is not None),
)
NUMBERS = ((row.TIME, "time"), (row.OFFSET, "offset"), (row.DURATION, "duration"))


@given(st.lists(ROWS, min_size=1, max_size=20), st.integers(0, 9))
def test_the_matrix_says_of_every_row_what_the_row_says(
    rows: list[dict[str, Any]], first: int
) -> None:
    first = min(first, len(rows) - 1)
    matrix = batch_rows(pl.DataFrame(rows, schema=EVENT_SCHEMA)[first:]).matrix
    for found, each in zip(matrix.tolist(), rows[first:], strict=True):
        says = found[row.SAYS]
        assert {flag for flag, _ in FLAGS if says & flag} == {
            flag for flag, of in FLAGS if of(each)
        }
        assert [found[column] for column, _ in NUMBERS] == [each[name] for _, name in NUMBERS]
        assert found[row.STATUS] == each["status"]
        if each["actor"] is not None:
            assert found[row.ACTOR] == each["actor"]
        keys = (found[row.KEY_HIGH] + (1 << 63), found[row.KEY_LOW] + (1 << 63))
        assert keys == (each["key_hi"], each["key_lo"])
        ids = [found[column] % (1 << 64) for column in (row.ID_HIGH, row.ID_LOW, row.ID_HASH)]
        high, low = each["session_hi"], each["session_lo"]
        assert ids == [high, low, oracle.splitmix(high ^ oracle.splitmix(low))]
        wanted = {
            number: hashed(each[name] % (1 << 64) if isinstance(each[name], int) else each[name])
            for number, name, hashed in MEMBERS
            if each[name] is not None
        }
        if each["masqueraded"] and each["user"] is not None:
            wanted[at.MASQUERADE_TARGETS] = wanted[at.USERS]
        members = {
            number: found[row.MEMBERS + number] % (1 << 64)
            for number in range(row.SETS)
            if says >> row.HAS_MEMBER + number & 1
        }
        assert members == wanted


@given(st.lists(st.lists(TEXTS | st.none(), max_size=8), max_size=3), st.data())
def test_texts_are_copied_wherever_they_lie(
    parts: list[list[str | None]], data: st.DataObject
) -> None:
    """Parts that were put together lie in buffers of their own."""
    texts = [text for part in parts for text in part]
    column = pl.concat([pl.Series(part, dtype=pl.String) for part in [*parts, []]])
    there = [place for place, text in enumerate(texts) if text is not None]
    rows = data.draw(st.lists(st.sampled_from(there), max_size=9) if there else st.just([]))
    views = text_views(column)
    copied = views.copies(np.array(rows, np.int64)).to_pylist()
    assert copied == [texts[place] for place in rows]
    assert [len(text.encode()) for text in copied] == views.lengths(
        np.array(rows, np.int64)
    ).tolist()
