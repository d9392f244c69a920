"""A flood of distinct keys: what a minute holds is bounded, and nothing that came is lost."""

from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.aggregate.deltas import RequestDeltas
from pipeline.aggregate.dimensions.logins import FAILED_BY_IP
from pipeline.aggregate.dimensions.requests import ALL, CONTROLLER_ACTION
from pipeline.aggregate.stats import RequestStats
from pipeline.domain.event_time import MINUTE
from tests.support.rows import batch

T = 1_700_000_040_000_000 // MINUTE * MINUTE


def failed_logins(ips: list[int]) -> pl.DataFrame:
    deltas = RequestDeltas((ALL, CONTROLLER_ACTION, FAILED_BY_IP))
    deltas.add("web_logs", batch({"time": T, "ip": str(ip), "failed_login": True} for ip in ips))
    return deltas.take(0, 1)


def of_ips(stats: pl.DataFrame) -> dict[str, dict[str, Any]]:
    found = stats.filter(pl.col("dimension") == "failed_login_ip").to_dicts()
    assert len({row["key"] for row in found}) == len(found)
    return {row["key"]: row for row in found}


def test_a_flood_of_keys_in_one_minute_does_not_grow_without_limit() -> None:
    stats = RequestStats(max_keys=2, most_held=5)
    for start in range(0, 3000, 1000):
        stats.add(failed_logins(list(range(start, start + 1000))))
    # Five keys and the one for all others, beside the dimensions all and controller_action.
    assert len(stats) == 5 + 1 + 2
    rows = of_ips(stats.take(1).stats)
    assert sum(row["rows"] for row in rows.values()) == 3000
    assert (rows["other"]["rows"], rows["other"]["keys_folded"]) == (2995, 2995)
    stats.advance({}, T + MINUTE)
    rows = of_ips(stats.take(2).stats)
    kept = {key: row["rows"] for key, row in rows.items() if row["status"] == "final"}
    assert kept.pop("other") == 2998
    assert list(kept.values()) == [1, 1]
    assert rows["other"]["keys_folded"] == 2998
    assert len(stats) == 0


def test_what_dropped_minutes_held_is_let_go_of() -> None:
    stats = RequestStats()
    largest = 0
    for minute in range(40):
        frame = failed_logins(list(range(500))).with_columns(
            pl.lit(T + minute * MINUTE).alias("minute")
        )
        stats.add(frame)
        stats.advance({}, T + (minute - 1) * MINUTE)
        stats.take(minute)
        largest = max(largest, len(stats._held.numbers))
    assert len(stats) <= 2 * 502
    assert largest < 4 * 4096 + 8 * 502


def test_minutes_that_close_and_are_final_at_once_are_published_once() -> None:
    stats = RequestStats()
    for minute in range(30):
        frame = failed_logins(list(range(100)))
        stats.add(frame.with_columns(pl.lit(T + minute * MINUTE).alias("minute")))
    stats.advance({"web_logs": T + 40 * MINUTE}, T + 40 * MINUTE)
    taken = stats.take(1)
    assert taken.stats.height == taken.stats.unique(["minute", "dimension", "key"]).height
    assert taken.stats.height == 30 * 102
    assert (len(stats), set(taken.stats["status"])) == (0, {"final"})


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=20), min_size=1, max_size=6))
def test_no_row_is_lost_in_a_full_minute_across_a_restore(commits: list[list[int]]) -> None:
    stats = RequestStats(max_keys=2, most_held=4)
    offset = 0
    for version, ips in enumerate(commits):
        stats.add(failed_logins(ips))
        published = stats.take(version).stats
        again = RequestStats(max_keys=2, most_held=4)
        everything = stats.everything(version).with_columns(
            pl.int_range(offset, offset + pl.len(), dtype=pl.Int64).alias("_offset")
        )
        again.restore(everything)
        again.resume(None)
        assert again.everything(version).equals(everything.drop("_offset"))
        assert set(published["key"]) <= set(everything["key"])
        stats, offset = again, offset + everything.height
    assert len(stats) <= 4 + 1 + 2
    stats.advance({}, T + MINUTE)
    rows = of_ips(stats.take(99).stats)
    final = [row["rows"] for row in rows.values() if row["status"] == "final"]
    assert sum(final) == sum(map(len, commits))
    assert len(final) <= 3
