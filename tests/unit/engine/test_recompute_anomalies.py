"""Laws of alerts over revised statistics: revised, retracted or new, and never twice."""

from typing import Any

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.event_time import MINUTE
from pipeline.engine.anomaly_changes import AnomalyComparison
from pipeline.engine.versions import RECOMPUTED
from tests.support.detect_run import final_run, shipped_rules
from tests.support.minute_stats import frame, requests

T = 29_000_160
LENGTH = 180
PAGES = ["a#show", "b#show", "c#show"]
RULES = shipped_rules()
Spike = tuple[int, int, int]

spikes = st.lists(
    st.tuples(st.integers(60, LENGTH - 20), st.integers(3, 12), st.integers(0, 2)), max_size=3
)


def stats(spikes: list[Spike]) -> pl.DataFrame:
    """Return final statistics of three hours with errors of one page each at these minutes."""
    rng = np.random.default_rng(7)
    rows = []
    for minute in range(LENGTH):
        whole = np.zeros(2, int)
        for number, page in enumerate(PAGES):
            many = int(rng.poisson(30))
            broken = any(at <= minute < at + length and number == p for at, length, p in spikes)
            server = many * 8 // 10 if broken else 0
            rows.append(requests(T + minute, page, many, server))
            whole += (many, server)
        rows.append(requests(T + minute, "", *map(int, whole)))
    return frame(rows)


def changes(before: list[Spike], after: list[Spike], published: list[dict[str, Any]]) -> Any:
    """Return the records to publish when statistics with some spikes become others."""
    comparison = AnomalyComparison(RULES)
    old, new = stats(before), stats(after)
    learned = pl.col("minute") < (T + 60) * MINUTE
    comparison.learn(old.filter(learned), (T + 60) * MINUTE)
    for start in range(60, LENGTH, 30):
        end = (T + start + 30) * MINUTE
        part = (pl.col("minute") >= (T + start) * MINUTE) & (pl.col("minute") < end)
        comparison.add(old.filter(part), new.filter(part), end)
    comparison.add(old.clear(), new.clear(), (T + LENGTH + 1440) * MINUTE)
    return comparison.changes(published, generation=1).to_dicts()


def latest(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what a table that keeps the highest version shows."""
    shown = {(r["fingerprint"], r["episode"]): r for r in sorted(records, key=_version)}
    return list(shown.values())


def windows(records: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    kept = [r for r in latest(records) if r["status"] != "retracted"]
    return sorted((r["rule"], r["key"], r["window_start"], r["window_end"]) for r in kept)


def _version(record: dict[str, Any]) -> int:
    return int(record["version"])


@settings(max_examples=20)
@given(spikes, spikes)
def test_published_alerts_and_the_changes_are_the_alerts_of_the_revised_statistics(
    before: list[Spike], after: list[Spike]
) -> None:
    published = final_run(stats(before)).latest()
    told = changes(before, after, published)
    assert all(record["version"] >> 47 == 3 for record in told)
    assert windows([*published, *told]) == windows(final_run(stats(after)).latest())
    assert changes(before, after, latest([*published, *told])) == []


def test_an_alert_that_late_rows_make_longer_is_revised_under_its_episode() -> None:
    published = final_run(stats([(100, 5, 0)])).latest()
    (told,) = changes([(100, 5, 0)], [(100, 9, 0)], published)
    assert told["status"] == "revised"
    assert (told["fingerprint"], told["episode"]) == (
        published[0]["fingerprint"],
        published[0]["episode"],
    )
    assert told["version"] == (1 << 48) | RECOMPUTED


def test_an_alert_that_revised_statistics_leave_nothing_of_is_retracted() -> None:
    published = final_run(stats([(100, 5, 0)])).latest()
    (told,) = changes([(100, 5, 0)], [], published)
    assert (told["status"], told["episode"]) == ("retracted", published[0]["episode"])


def test_an_alert_that_was_withdrawn_comes_back_with_a_higher_version() -> None:
    published = final_run(stats([(100, 5, 0)])).latest()
    withdrawn = changes([(100, 5, 0)], [], published)
    (back,) = changes([], [(100, 5, 0)], latest([*published, *withdrawn]))
    assert (back["status"], back["episode"]) == ("resolved", published[0]["episode"])
    assert back["version"] > withdrawn[0]["version"]


def test_an_alert_that_is_not_final_is_left_to_the_detect_stage() -> None:
    published = [one | {"provisional": True} for one in final_run(stats([(100, 5, 0)])).latest()]
    assert changes([(100, 5, 0)], [], published) == []
    assert changes([(100, 5, 0)], [(100, 9, 0)], published) == []
