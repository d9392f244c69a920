"""Laws of all detectors together: cuts, restarts, late feeds and other rules midway."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from pipeline.detect.registry import DETECTORS
from pipeline.detect.rules import AnyRule, changed_rule
from tests.support.detect_run import DetectRun, shipped_rules
from tests.support.watch_rules import rule, small_rules
from tests.unit.detect import test_detection_laws, test_watch_laws
from tests.unit.detect.test_detection_laws import FEEDS, LENGTH, T, between, content, partial

OWN = {"error_spike", "masquerade_burst"}
RULES = [*small_rules(), *(rule for rule in shipped_rules() if rule.detector in OWN)]
LATE = 240
"""Minutes by which a feed may be behind the other: longer than all that happens here."""

END = T + LENGTH + 60

Change = Callable[[DetectRun], DetectRun]


class Planted(NamedTuple):
    """What is not as usual in the stats, and the seed of the rest."""

    seed: int
    spikes: list[tuple[int, int, str, float, str]]
    bursts: list[tuple[int, int, int, str]]
    events: list[tuple[int, int, str, str]]

    def stats(self) -> pl.DataFrame:
        """Return the final stats, in order of minutes."""
        pages = test_detection_laws.history(self.seed, self.spikes, self.bursts)
        things = test_watch_laws.history(self.seed, self.events)
        both = [pages, things.filter(pl.col("dimension") != "all")]
        return pl.concat(both).sort("minute", maintain_order=True)


planted = st.builds(
    Planted,
    st.integers(0, 10**6),
    test_detection_laws.spikes,
    test_detection_laws.bursts,
    test_watch_laws.events,
)
delays = st.sampled_from([{}, {"web_logs": LATE}, {"live_events": LATE}])


class Cuts(NamedTuple):
    """How the stats come: the seed of the cuts, their number, minutes a feed is behind."""

    seed: int
    steps: int
    behind: dict[str, int]
    restarts: bool = False


cuts = st.builds(Cuts, st.integers(0, 10**6), st.integers(2, 20), delays)


def drive(
    stats: pl.DataFrame,
    how: Cuts,
    rules: Sequence[AnyRule] = RULES,
    change: Change = lambda run: run,
) -> DetectRun:
    """Run stats through in cuts, each feed at its own pace; ``change`` is called midway."""
    rng, restart = np.random.default_rng(how.seed), np.random.default_rng(how.seed + 1)
    run = DetectRun(rules)
    seen, now, final = dict.fromkeys(FEEDS, T), T, T
    midway = int(rng.integers(T, END + max(how.behind.values(), default=0)))
    while final < END:
        before, now = now, now + int(rng.integers(1, 1 + 2 * (END - T) // how.steps))
        for feed in FEEDS:
            ahead = max(T, min(END, now - how.behind.get(feed, 0)))
            fresh = between(stats, seen[feed], ahead).filter(pl.col("feed") == feed)
            fresh = fresh.sample(fraction=1, shuffle=True, seed=int(rng.integers(1000)))
            run.observe(partial(fresh))
            if rng.random() < 0.3:
                run.take()
            run.observe(fresh)
            seen[feed] = ahead
        run.close({feed: through - int(rng.integers(0, 3)) for feed, through in seen.items()})
        if rng.random() < 0.7:
            run.take()
            if how.restarts and restart.random() < 0.7:
                run = run.restarted()
        least = min(seen.values())
        new = END if least == END else int(rng.integers(final, max(final, least) + 1))
        run.finalise(between(stats, final, new), new)
        final = max(final, new)
        if before <= midway < now:
            run.take()
            run = change(run)
    run.take()
    return run


def over(run: DetectRun, ids: Iterable[str]) -> list[dict[str, Any]]:
    """Return the final alerts of some rules; a silence at the end of the data is not over."""
    known = set(ids)
    return [r for r in content(run) if r["status"] == "resolved" and r["rule"] in known]


def learned(run: DetectRun, ids: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return what some rules know, to the last bit; before its first final minute, nothing."""
    known = set(ids)
    return {
        at: record["state"]
        for at, record in run.states.items()
        if record["state"] and at[0].partition(".")[0] in known
        if not record["state"].startswith('{"learned":null')
    }


def baselines(run: DetectRun) -> dict[tuple[str, str], str]:
    """Return what is usual; when ended episodes are forgotten depends on cuts."""
    return {at: state for at, state in learned(run, EVERY).items() if at[0] in EVERY}


EVERY = [one.id for one in RULES]

LAW = settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
"""Worlds of seconds are few, and shrinking one would take minutes."""


@given(planted, st.builds(Cuts._replace, cuts, restarts=st.booleans()))
@example(Planted(1427, [], [], test_watch_laws.DEAD_FEED), Cuts(0, 20, {}))
@settings(LAW)
def test_cuts_restarts_and_feeds_late_by_four_hours_end_in_the_same_alerts(
    world: Planted, how: Cuts
) -> None:
    stats = world.stats()
    cut = drive(stats, how)
    whole = DetectRun(RULES)
    whole.finalise(stats, END)
    whole.take()
    assert over(cut, EVERY) == over(whole, EVERY)
    assert baselines(cut) == baselines(whole)


@given(planted, cuts)
@settings(LAW)
def test_a_restart_at_any_point_publishes_nothing_else(world: Planted, how: Cuts) -> None:
    stats = world.stats()
    steady, restarted = drive(stats, how), drive(stats, how._replace(restarts=True))
    assert restarted.published == steady.published
    assert restarted.states == steady.states


# -- other rules midway


def families() -> list[list[AnyRule]]:
    """Return the rules, a rule on a whole together with that on its parts."""
    by_whole = sorted(RULES, key=lambda one: getattr(one, "part_of", None) or one.id)
    return [
        list(of) for _, of in groupby(by_whole, lambda one: getattr(one, "part_of", None) or one.id)
    ]


def other_detector(one: AnyRule) -> AnyRule:
    name = "ratio" if one.detector == "sequence" else "sequence"
    changed: AnyRule = rule(name, id=one.id, measure="writes")
    return changed


def longer(one: AnyRule) -> AnyRule:
    if one.detector == "error_spike":
        return changed_rule(one, {"min_errors": "11"})
    return changed_rule(one, {"window_min": str(one.parameters.window_min + 5)})


CHANGES: dict[str, Callable[[AnyRule], AnyRule]] = {
    "reworded": lambda one: one.model_copy(update={"why": one.why + " Again."}),
    "another parameter": lambda one: changed_rule(one, {"quiet_min": "7"}),
    "another window": longer,
    "other keys": lambda one: changed_rule(one, {"filters.except": "[x*]"}),
    "another detector": other_detector,
    "off": lambda one: one.model_copy(update={"state": "off"}),
}


class Rules(NamedTuple):
    """Rules before and after, and the ids of those that judge the same."""

    before: list[AnyRule]
    after: list[AnyRule]
    same: list[str]


def other_rules(kinds: Sequence[str]) -> Rules:
    """Return what becomes of the rules; ``kinds``: of each family."""
    rules = Rules([], [], [])
    for kind, family in zip(kinds, families(), strict=True):
        if kind != "added":
            rules.before.extend(family)
        if kind in {"same", "added"}:
            rules.after.extend(family)
        elif kind == "another detector" and len(family) > 1:
            rules.after.extend(map(CHANGES["other keys"], family))
        elif kind in CHANGES:
            rules.after.extend(map(CHANGES[kind], family))
        if kind in {"same", "reworded"}:
            rules.same.extend(one.id for one in family)
    return rules


kinds = st.sampled_from(["same", "gone", "added", *CHANGES])
becoming = st.lists(kinds, min_size=len(families()), max_size=len(families()))


def reloaded(rules: Sequence[AnyRule]) -> Change:
    """Return a change of rules while the stage runs."""

    def change(run: DetectRun) -> DetectRun:
        run.reload(rules)
        return run

    return change


def started_again(rules: Sequence[AnyRule]) -> Change:
    """Return a restart with other rules."""

    def change(run: DetectRun) -> DetectRun:
        run.rules = list(rules)
        return run.restarted()

    return change


@given(planted, cuts, becoming)
@settings(LAW)
def test_rules_that_stay_find_what_they_would_have_found_whatever_becomes_of_others(
    world: Planted, how: Cuts, becomes: list[str]
) -> None:
    stats, rules = world.stats(), other_rules(becomes)
    undisturbed = drive(stats, how, rules.before)
    changed = drive(stats, how, rules.before, change=reloaded(rules.after))
    assert over(changed, rules.same) == over(undisturbed, rules.same)
    assert learned(changed, rules.same) == learned(undisturbed, rules.same)


@given(planted, cuts, becoming)
@settings(LAW)
def test_a_restart_with_other_rules_is_as_a_reload(
    world: Planted, how: Cuts, becomes: list[str]
) -> None:
    stats, rules = world.stats(), other_rules(becomes)
    running = drive(stats, how, rules.before, change=reloaded(rules.after))
    restarted = drive(stats, how, rules.before, change=started_again(rules.after))
    assert restarted.published == running.published
    ids = {one.id for one in (*rules.before, *rules.after)}
    assert learned(restarted, ids) == learned(running, ids)


def test_these_laws_have_a_rule_of_every_detector() -> None:
    assert {one.detector for one in RULES} == {name for name, _ in DETECTORS}
