"""A part of the spool comes in its own order, from any key on, in any amounts."""

import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.ingest.ordered import in_order
from pipeline.ingest.spool import SpoolDirectory

PART = 3
SCHEMA = {"timestamp": pl.Int64, "id": pl.String, "committed_at": pl.Int64}

ROWS = st.lists(
    st.tuples(st.integers(0, 59), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=40
)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.data())
def test_any_cut_any_amounts_and_any_order_of_reading_give_the_rest_in_order(
    minutes: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    rows = [
        (PART * HOUR + minute * MINUTE + row % 2, f"{row:08x}", committed)
        for minute, row, committed in minutes
    ]
    expected = {(at, name): committed for at, name, committed in sorted(rows)}
    keys = sorted(expected)
    after = data.draw(st.none() | st.sampled_from(keys))
    random.Random(len(rows)).shuffle(rows)
    with TemporaryDirectory() as name, SpoolDirectory(Path(name)) as directory:
        spool = directory.open_spool("timestamp")
        for row in rows:
            spool.add_rows(pl.DataFrame([row], schema=SCHEMA, orient="row"))
            if data.draw(st.booleans()):
                spool.flush()
        spool.flush()
        at_once, most = data.draw(st.integers(1, 50)), data.draw(st.integers(1, 9))
        found = list(in_order(spool, PART, after, most, at_once=at_once))
    got = [row for some in found for row in some.rows.iter_rows()]
    rest = [key for key in keys if after is None or key > after]
    assert got == [(at, name, expected[at, name]) for at, name in rest]
    assert all(some.rows.height <= most for some in found)
    assert [some.last for some in found] == [some.rows.row(-1)[:2] for some in found]
    # Each copy counts with the row that stands for it: so never on both sides of a restart.
    copies = Counter(row[:2] for row in rows)
    for some in found:
        held = [copies[row[:2]] for row in some.rows.iter_rows()]
        assert some.doubled == sum(held) - len(held)
