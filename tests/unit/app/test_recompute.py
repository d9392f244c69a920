"""What a recompute is asked for, and where its revised statistics wait."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.app.commands.recompute import Order, recompute
from pipeline.app.settings import Settings
from pipeline.app.spooled_stats import SpooledStats
from pipeline.domain.errors import OurMistake
from pipeline.domain.event_time import MINUTE


@pytest.mark.parametrize(
    "order",
    [
        Order(),
        Order(since="2026-01-01", session="x"),
        Order(until="2026-01-01"),
        Order(session="x", until="2026-01-01"),
    ],
)
def test_recompute_wants_a_range_or_a_session_or_late_rows(order: Order) -> None:
    with pytest.raises(OurMistake, match="since"):
        recompute(order, Settings())


@given(st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=5), max_size=4))
def test_spooled_statistics_come_back_by_minute_and_all_of_them(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[int]]
) -> None:
    spool = SpooledStats(Path(tmp_path_factory.mktemp("spool")))
    for part in parts:
        spool.add(pl.DataFrame({"minute": [minute * MINUTE for minute in part]}))
    every = [minute * MINUTE for part in parts for minute in part]
    assert [m for frame in spool for m in frame["minute"]] == every
    assert (spool.first, spool.end) == (
        (min(every), max(every) + MINUTE) if every else (None, None)
    )
    found = [m for frame in spool.between(10 * MINUTE, 20 * MINUTE) for m in frame["minute"]]
    assert found == [m for m in every if 10 * MINUTE <= m < 20 * MINUTE]
