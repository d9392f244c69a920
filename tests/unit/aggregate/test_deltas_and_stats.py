"""Request deltas and stats: chunk invariance, equality with a per-row count, closing, folding."""

from collections import Counter
from itertools import pairwise
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.aggregate.counts import MEMBERS
from pipeline.aggregate.deltas import RequestDeltas
from pipeline.aggregate.stats import STAT_COLUMNS, RequestStats
from pipeline.domain.event_time import MINUTE
from tests.support.rows import batch

T = 1_700_000_040_000_000 // MINUTE * MINUTE

row = st.fixed_dictionaries(
    {
        "time": st.integers(T, T + 3 * MINUTE),
        "status": st.sampled_from([0, 100, 200, 302, 400, 404, 499, 500, 520, 777]),
        "duration": st.integers(0, 100_000_000),
        "write": st.booleans(),
        "participated": st.booleans(),
        "masqueraded": st.booleans(),
        "actor": st.sampled_from([1, 2, 3]),
        "user": st.integers(1, 6),
        "developer_key": st.sampled_from([None, 7, 8]),
        "controller": st.sampled_from([None, "a", "b"]),
        "action": st.sampled_from([None, "show"]),
        "ip": st.sampled_from(["192.0.2.1", "192.0.2.2"]),
        "failed_login": st.booleans(),
        "request_id": st.uuids().map(str),
        "session_id": st.sampled_from([None, "a" * 32, "b" * 32]),
    }
)
TIMED = ("all", "controller_action", "developer_key")
"""Dimensions that most rows are in; the others are in test_dimensions."""

rows = st.lists(row, min_size=1, max_size=60)
cuts = st.lists(st.integers(0, 60), max_size=6)


def stats_of(rows: list[dict[str, Any]], cuts: list[int], commits: list[int]) -> pl.DataFrame:
    stats, deltas = RequestStats(max_keys=None), RequestDeltas()
    bounds = sorted({0, len(rows), *(c for c in [*cuts, *commits] if c < len(rows))})
    for start, end in pairwise(bounds):
        deltas.add("web_logs", batch(rows[start:end]))
        if end in commits:
            stats.add(deltas.take(0, 1))
    if deltas.pending():
        stats.add(deltas.take(0, 1))
    stats.advance({}, T + 10 * MINUTE)
    return stats.take(1).stats


@given(rows, cuts, cuts)
def test_no_cut_into_chunks_or_commits_changes_the_stats(
    rows: list[dict[str, Any]], cuts: list[int], commits: list[int]
) -> None:
    assert stats_of(rows, cuts, commits).equals(stats_of(rows, [], []))


@given(rows)
def test_no_order_of_rows_changes_the_stats(rows: list[dict[str, Any]]) -> None:
    assert stats_of(rows, [7], [20]).equals(stats_of(rows[::-1], [3], []))


@given(rows)
def test_stats_equal_a_count_row_by_row(rows: list[dict[str, Any]]) -> None:
    wanted: Counter[tuple[int, str, str, str]] = Counter()
    members: dict[tuple[int, str], set[str]] = {}
    for r in rows:
        minute = r["time"] // MINUTE * MINUTE
        action = f"{r['controller'] or 'unspecified'}#{r['action'] or 'unspecified'}"
        keys = [("all", ""), ("controller_action", action)]
        if r["developer_key"] is not None:
            keys.append(("developer_key", str(r["developer_key"])))
        if r["masqueraded"]:
            keys.append(("masquerader", str(r["actor"])))
            members.setdefault((minute, str(r["actor"])), set()).add(str(r["user"]))
        if r["failed_login"]:
            keys.append(("failed_login_ip", r["ip"]))
        klass = r["status"] // 100
        for dimension, key in keys:
            identity = (minute, dimension, key)
            wanted[*identity, "rows"] += 1
            wanted[*identity, f"status_{klass}xx" if 1 <= klass <= 5 else "status_other"] += 1
            wanted[*identity, "errors"] += r["status"] >= 400
            wanted[*identity, "writes"] += r["write"]
            wanted[*identity, "duration_sum"] += r["duration"]
            if dimension in TIMED:
                bucket = min(max((r["duration"] // 1000).bit_length() - 1, 0), 15)
                wanted[*identity, f"bucket {bucket}"] += 1
    found: Counter[tuple[int, str, str, str]] = Counter()
    counted = pl.col("dimension").is_in([*TIMED, "masquerader", "failed_login_ip"])
    for s in stats_of(rows, [10], [30]).filter(counted).iter_rows(named=True):
        identity = (s["minute"], s["dimension"], s["key"])
        names = ["rows", "errors", "writes", "duration_sum", "status_other"]
        for name in [*names, *(f"status_{c}xx" for c in range(1, 6))]:
            found[*identity, name] += s[name]
        for i, count in enumerate(s["durations"]):
            found[*identity, f"bucket {i}"] += count
        if s["dimension"] == "masquerader":
            assert set(s["members"]) == members[s["minute"], s["key"]]
            assert s["members_distinct"] == len(s["members"])
    assert +found == +wanted


def test_a_minute_is_closed_when_the_watermark_is_past_its_end_and_final_by_the_limit() -> None:
    stats, deltas = RequestStats(), RequestDeltas()
    deltas.add("web_logs", batch([{"time": T}]))
    stats.add(deltas.take(0, 1))
    stats.advance({"web_logs": T + MINUTE}, T + MINUTE - 1)
    taken = stats.take(1)
    assert set(taken.stats["status"]) == {"open"}
    assert taken.counted.all()
    stats.advance({"web_logs": T + MINUTE + 1}, T + MINUTE - 1)
    taken = stats.take(2)
    assert set(taken.stats["status"]) == {"closed"}
    assert not taken.counted.any()
    stats.advance({"web_logs": T + MINUTE + 1}, T + MINUTE)
    assert set(stats.take(3).stats["status"]) == {"final"}
    assert len(stats) == 0


def test_a_delta_for_a_dropped_minute_is_counted_and_adds_nothing() -> None:
    stats, deltas = RequestStats(), RequestDeltas()
    stats.advance({}, T + MINUTE)
    deltas.add("web_logs", batch([{"time": T}, {"time": T + MINUTE}]))
    stats.add(deltas.take(0, 1))
    assert stats.late_deltas == 2  # dimensions all and controller_action
    assert set(stats.take(1).stats["minute"]) == {T + MINUTE}


def test_members_beyond_the_cap_are_estimated() -> None:
    stats, deltas = RequestStats(), RequestDeltas()
    for start in range(0, 2000, 500):
        deltas.add(
            "web_logs",
            batch(
                {"masqueraded": True, "actor": 1, "user": user}
                for user in range(start, start + 500)
            ),
        )
        stats.add(deltas.take(0, 1))
    found = stats.take(1).stats.filter(pl.col("dimension") == "masquerader").row(0, named=True)
    assert found["members_capped"]
    assert len(found["members"]) == MEMBERS
    assert 1400 < found["members_distinct"] < 2600


def test_rare_keys_of_a_final_minute_are_folded_and_nothing_is_lost() -> None:
    stats, deltas = RequestStats(max_keys=2), RequestDeltas()
    ips = ["192.0.2.1"] * 3 + ["192.0.2.2"] * 2 + ["192.0.2.3", "192.0.2.4"]
    deltas.add("web_logs", batch({"time": T, "ip": ip, "failed_login": True} for ip in ips))
    stats.add(deltas.take(0, 1))
    stats.advance({}, T + MINUTE)
    frame = stats.take(1).stats.filter(pl.col("dimension") == "failed_login_ip")
    assert frame.columns == list(STAT_COLUMNS)
    rows = {r["key"]: (r["status"], r["rows"], r["keys_folded"]) for r in frame.to_dicts()}
    assert rows == {
        "192.0.2.1": ("final", 3, 0),
        "192.0.2.2": ("final", 2, 0),
        "192.0.2.3": ("folded", 1, 0),
        "192.0.2.4": ("folded", 1, 0),
        "other": ("final", 2, 2),
    }


@given(rows, st.integers(0, 60))
def test_restoring_and_going_on_equals_an_uninterrupted_run(
    rows: list[dict[str, Any]], cut: int
) -> None:
    cut = min(cut, len(rows))
    first, deltas = RequestStats(), RequestDeltas()
    deltas.add("web_logs", batch(rows[:cut]))
    published = None
    if deltas.pending():
        first.add(deltas.take(0, 1))
        published = first.take(1).stats
    again = RequestStats()
    if published is not None:
        again.restore(published.with_row_index("_offset").cast({"_offset": pl.Int64}))
    again.resume(None)
    deltas.add("web_logs", batch(rows[cut:]))
    if deltas.pending():
        again.add(deltas.take(0, 2))
    again.advance({}, T + 10 * MINUTE)
    assert again.take(1).stats.equals(stats_of(rows, [], []))
