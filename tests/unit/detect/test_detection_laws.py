"""Laws: cuts do not matter in the end; a restart changes nothing; state stays small."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.detect.rules import AnyRule
from pipeline.domain.event_time import MINUTE
from tests.support.detect_run import DetectRun
from tests.support.minute_stats import Row, acting, frame, requests

T = 29_000_160
LENGTH = 200
PAGES = ["a#show", "b#show", "c#show", "d#show"]
FEEDS = ("web_logs", "live_events")

spikes = st.lists(
    st.tuples(
        st.integers(60, LENGTH - 15),
        st.integers(1, 12),
        st.sampled_from([*PAGES[:2], ""]),
        st.sampled_from([0.2, 0.5, 0.9]),
        st.sampled_from(["5xx", "5xx", "4xx"]),
    ),
    min_size=2,
    max_size=7,
)
bursts = st.lists(
    st.tuples(
        st.integers(0, LENGTH - 20), st.integers(5, 30), st.integers(1, 20), st.sampled_from("78")
    ),
    max_size=4,
)


def history(
    seed: int,
    errors: list[tuple[int, int, str, float, str]],
    masquerades: list[tuple[int, int, int, str]],
) -> pl.DataFrame:
    """Return final stats of three hours and a third with attacks of all shapes."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for minute in range(LENGTH):
        total = np.zeros(3, int)
        for page in PAGES:
            share = {"5xx": 0.004, "4xx": 0.05} | {
                status: level
                for start, length, where, level, status in errors
                if start <= minute < start + length and where in {page, ""}
            }
            many = int(rng.poisson(15))
            server = int(rng.binomial(many, share["5xx"]))
            client = int(rng.binomial(many - server, share["4xx"]))
            if many:
                rows.append(requests(T + minute, page, many, server, client))
            total += (many, server, client)
        rows.append(requests(T + minute, "", *map(int, total)))
    people: dict[tuple[int, str, str], Row] = {}
    for start, targets, length, person in masquerades:
        for n in range(targets):
            minute = T + start + n * length // targets
            for feed in FEEDS:
                # Few people, so that bursts meet; some targets a minute, writes now and then.
                at = (minute, person, feed)
                known = people.get(at, {"members": [], "writes": 0, "rows": 0})
                members = sorted({*known["members"], str(100 + n)})
                people[at] = acting(
                    minute, person, members, known["writes"] + n % 3, known["rows"] + 2, feed
                )
    return frame([*rows, *people.values()]).sort("minute", maintain_order=True)


def partial(stats: pl.DataFrame) -> pl.DataFrame:
    """Return what was known of minutes before their last rows came."""
    half = pl.col("members").list.len() // 2
    return stats.with_columns(
        pl.col("rows") - pl.col("rows") // 2,
        pl.col("status_5xx", "status_4xx", "writes") // 2,
        pl.col("members").list.head(half),
        half.cast(pl.Int64).alias("members_distinct"),
    )


def between(stats: pl.DataFrame, start: int, end: int) -> pl.DataFrame:
    """Return stats of minutes ``start`` to ``end`` (not included)."""
    return stats.filter(pl.col("minute").is_between(start * MINUTE, end * MINUTE, closed="left"))


def drive(
    stats: pl.DataFrame,
    seed: int,
    *,
    steps: int,
    restarts: bool,
    rules: Sequence[AnyRule] | None = None,
) -> DetectRun:
    """Run stats through in random cuts; with ``restarts``, restore at random points."""
    rng, restart = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    run = DetectRun(rules)
    end = T + LENGTH + 60
    seen = closed = final = T
    while final < end:
        reach = int(rng.integers(1, 1 + 2 * (LENGTH + 60) // steps))
        ahead = min(end, seen + reach)
        fresh = between(stats, seen, ahead).sample(
            fraction=1, shuffle=True, seed=int(rng.integers(1000))
        )
        run.observe(partial(fresh))
        if rng.random() < 0.5:
            run.take()
        run.observe(fresh)
        seen = ahead
        closed = int(rng.integers(closed, seen + 1))
        run.close({feed: closed - int(rng.integers(0, 3)) for feed in FEEDS})
        if rng.random() < 0.7:
            run.take()
            if restarts and restart.random() < 0.7:
                run = run.restarted()
        new = end if seen == end else int(rng.integers(final, closed + 1))
        run.finalise(between(stats, final, new), new)
        final = max(final, new)
    run.take()
    return run


def once(rows: pl.DataFrame) -> DetectRun:
    """Return a run that sees final stats only, all at once."""
    run = DetectRun()
    run.finalise(rows, T + LENGTH + 60)
    run.take()
    return run


def content(run: DetectRun) -> list[dict[str, object]]:
    """Return final records without what depends on when they were published."""
    return [
        {name: value for name, value in record.items() if name not in {"version", "episode"}}
        for record in run.latest()
    ]


def baselines(run: DetectRun) -> dict[tuple[str, str], str]:
    """Return what was learned, to the last bit."""
    rules = {rule.id for rule in run.rules}
    return {at: state["state"] for at, state in run.states.items() if at[0] in rules}


@given(st.integers(0, 10**6), spikes, bursts, st.integers(0, 10**6), st.integers(2, 40))
@settings(max_examples=25, deadline=None)
def test_final_anomalies_do_not_depend_on_cuts(
    seed: int,
    errors: list[tuple[int, int, str, float, str]],
    masquerades: list[tuple[int, int, int, str]],
    cuts: int,
    steps: int,
) -> None:
    rows = history(seed, errors, masquerades)
    cut, whole = drive(rows, cuts, steps=steps, restarts=False), once(rows)
    assert content(cut) == content(whole)
    assert baselines(cut) == baselines(whole)
    assert all(
        (record["status"], record["provisional"]) == ("resolved", False) for record in cut.latest()
    )


@given(st.integers(0, 10**6), spikes, bursts, st.integers(0, 10**6), st.integers(2, 30))
@settings(max_examples=25, deadline=None)
def test_a_restart_at_any_point_changes_nothing(
    seed: int,
    errors: list[tuple[int, int, str, float, str]],
    masquerades: list[tuple[int, int, int, str]],
    cuts: int,
    steps: int,
) -> None:
    rows = history(seed, errors, masquerades)
    steady = drive(rows, cuts, steps=steps, restarts=False)
    restarted = drive(rows, cuts, steps=steps, restarts=True)
    assert restarted.published == steady.published
    assert restarted.states == steady.states


def test_a_restore_alone_publishes_nothing() -> None:
    run = DetectRun()
    rows = history(1, [(100, 10, "a#show", 0.9, "5xx")], [(120, 30, 10, "7")])
    run.observe(rows)
    run.close(dict.fromkeys(FEEDS, T + LENGTH))
    assert run.take()
    assert run.restarted().take() == []


def test_the_state_of_a_key_is_small() -> None:
    run = DetectRun()
    run.finalise(history(1, [(100, 10, "", 0.9, "5xx")], [(120, 30, 10, "7")]), T + LENGTH)
    run.take()
    largest = max(len(state["state"]) for state in run.states.values())
    assert largest < 8_000
