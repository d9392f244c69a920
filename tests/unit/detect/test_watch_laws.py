"""Laws of the generic detectors: what they find, and what they keep."""

from collections import defaultdict
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import strategies as st

from pipeline.detect.registry import DETECTORS
from pipeline.detect.rules.models import RULES
from tests.support.detect_run import DetectRun
from tests.support.minute_stats import Row, frame
from tests.support.watch_rules import small_rules
from tests.unit.detect.test_detection_laws import FEEDS, T, between

LENGTH = 200
KEYS = [*"abcdef"]

events = st.lists(
    st.tuples(
        st.integers(20, LENGTH - 10),
        st.integers(1, 40),
        st.sampled_from([*KEYS, ""]),
        st.sampled_from(["more", "errors", "writes", "members", "silence", "new"]),
    ),
    min_size=1,
    max_size=6,
)
Event = tuple[int, int, str, str]

DEAD_FEED: list[Event] = [(60, 25, "a", "more"), (183, 29, "a", "more"), (158, 29, "", "silence")]
"""Nothing comes for half an hour: blocks that are not learned lie between two bursts."""


def row(minute: int, key: str, feed: str, rows: int, **more: Any) -> Row:
    """Return the counts of a key of the dimension that the rules watch."""
    members = more.pop("members", [])
    counts = {"rows": rows, "members": members, "members_distinct": len(members), **more}
    return {"minute": (T + minute) * 60_000_000, "key": key, "feed": feed, **counts}


def history(seed: int, planted: list[Event]) -> pl.DataFrame:
    """Return final stats of three hours and a third of two feeds, with all kinds of events."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for minute in range(LENGTH):
        on = {
            (kind, key)
            for start, length, where, kind in planted
            if start <= minute < start + length
            for key in (KEYS if where == "" else [where])
        }
        total = 0
        places: dict[tuple[str, str], set[str]] = defaultdict(set)
        for number, key in enumerate(KEYS):
            many = int(rng.poisson(0.3 + number * 0.7))
            many = 0 if ("silence", key) in on else many + 9 * (("more", key) in on)
            errors = int(rng.binomial(many, 0.8 if ("errors", key) in on else 0.05))
            writes = min(many, int(rng.poisson(0.1)) + 4 * (("writes", key) in on))
            met = int(rng.integers(0, 2)) + 3 * (("members", key) in on)
            members = sorted({f"m{rng.integers(0, 3 if met < 2 else 99)}" for _ in range(met)})
            total += many
            counts = {"errors": errors, "writes": writes, "members": members}
            for feed in FEEDS if many else ():
                name = f"{key}{minute}" if ("new", key) in on else key
                rows.append(row(minute, name, feed, many, dimension="thing", **counts))
                for one in members:
                    places[feed, one].add(name)
        for (feed, one), of in places.items():
            rows.append(row(minute, one, feed, 1, dimension="place", members=sorted(of)))
        if total:
            rows.append(row(minute, "", "web_logs", total, dimension="all"))
    return frame(rows).sort("minute", maintain_order=True)


def learned(run: DetectRun) -> dict[tuple[str, str], str]:
    """Return what was learned, to the last bit; what is forgotten counts as never known."""
    rules = {rule.id for rule in run.rules}
    return {
        at: state["state"] for at, state in run.states.items() if at[0] in rules and state["state"]
    }


def test_every_rule_fires_on_what_is_planted_in_these_laws() -> None:
    planted: list[Event] = [
        (120, 30, "", "more"),
        (100, 10, "f", "more"),
        (160, 8, "e", "errors"),
        (170, 20, "d", "writes"),
        (175, 15, "c", "writes"),
        (180, 10, "f", "members"),
        (170, 25, "b", "new"),
        (150, 30, "f", "silence"),
        (185, 8, "e", "errors"),
        (187, 8, "e", "writes"),
        *((140, 2, "b", kind) for kind in ("new", "errors", "writes")),
    ]
    run = DetectRun(small_rules())
    run.finalise(history(3, planted), T + LENGTH + 60)
    run.take()
    fired = {record["rule"] for record in run.latest()}
    assert {rule.id for rule in small_rules()} - fired <= {"first_hour"}


def test_the_state_is_empty_of_minutes_once_all_is_over() -> None:
    stats = history(5, [(100, 20, "", "more")])
    # Without absence: to that rule the silence after the end is not over.
    run = DetectRun([rule for rule in small_rules() if rule.detector != "absence"])
    run.finalise(stats, T + LENGTH)
    run.take()
    run.finalise(stats.clear(), T + LENGTH + 60)
    run.finalise(stats.clear(), T + LENGTH + 180)
    run.take()
    held = [
        name
        for (name, _), s in run.states.items()
        if name.endswith((".minutes", ".episodes")) and s["state"]
    ]
    assert held == []


@pytest.mark.parametrize("keys", [10, 1000])
def test_no_more_keys_are_kept_than_the_rule_allows(keys: int) -> None:
    rows = [
        row(minute, f"k{minute * keys + n}", "web_logs", 3, dimension="thing", members=[f"m{n}"])
        for minute in range(30)
        for n in range(keys // 10)
    ]
    rules = [rule for rule in small_rules() if rule.parameters.max_keys == 3]
    run = DetectRun(rules)
    run.finalise(frame(rows), T + 180)
    run.take()
    kept = [at for at in learned(run) if at[1]]
    assert len(rules) == 2
    assert len(kept) <= 3


def test_every_detector_has_a_rule_class_and_the_other_way_round() -> None:
    named = {name for name, _ in DETECTORS}
    assert named == {model.model_fields["detector"].annotation.__args__[0] for model in RULES}


def test_minutes_before_the_last_final_one_change_nothing() -> None:
    stats = history(7, [(60, 20, "f", "more")])
    run = DetectRun(small_rules())
    run.finalise(between(stats, T, T + 120), T + 120)
    run.take()
    before = learned(run)
    run.observe(between(stats, T + 30, T + 60))
    run.take()
    assert learned(run) == before
