"""Other rules while the detection runs: nothing that was learned is lost, nothing stale stays."""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.detect.detection import ORIGINS
from pipeline.detect.rules import AnyRule, changed_rule
from pipeline.domain.errors import SettingsError
from pipeline.domain.event_time import MINUTE
from tests.support.detect_run import DetectRun, shipped_rules
from tests.support.minute_stats import Row, requests, stat
from tests.support.watch_rules import rule
from tests.unit.detect.test_detection_laws import (
    LENGTH,
    T,
    baselines,
    between,
    bursts,
    content,
    history,
    spikes,
)

DETECTORS = {"error_spike", "masquerade_burst"}
RULES = [one for one in shipped_rules() if one.detector in DETECTORS]
IDS = {one.id: one for one in RULES}
SERVER = IDS["error_spike_5xx_instance"], IDS["error_spike_5xx_controller"]

Reload = Callable[[int], Sequence[AnyRule] | None]


def reworded(rule: AnyRule) -> AnyRule:
    return rule.model_copy(update={"why": rule.why + " Again."})


def drive(stats: pl.DataFrame, seed: int, reloads: Reload) -> DetectRun:
    """Run stats through in cuts that the seed decides; ask for other rules between two takes."""
    rng = np.random.default_rng(seed)
    run = DetectRun(RULES)
    end = T + LENGTH + 60
    seen = final = T
    for step in range(100):
        if final >= end:
            break
        ahead = min(end, seen + int(rng.integers(5, 60)))
        run.observe(between(stats, seen, ahead))
        seen = ahead
        run.close({"web_logs": seen, "live_events": seen - 1})
        if rng.random() < 0.5:
            run.take()
        rules = reloads(step)
        if rules is not None:
            run.reload(rules)
        new = end if seen == end else int(rng.integers(final, seen + 1))
        run.finalise(between(stats, final, new), new)
        final = max(final, new)
        run.take()
    return run


def alive(run: DetectRun) -> dict[tuple[str, str], str]:
    return {at: state for at, state in baselines(run).items() if state}


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1 << 30), spikes, bursts)
def test_a_reload_that_changes_no_judgement_changes_nothing(
    seed: int,
    errors: list[tuple[int, int, str, float, str]],
    masquerades: list[tuple[int, int, int, str]],
) -> None:
    stats = history(seed, errors, masquerades)
    rng = np.random.default_rng(seed)

    def sometimes(_: int) -> Sequence[AnyRule]:
        # Some rules are word for word the same, others have to be made anew.
        return [reworded(one) if rng.random() < 0.5 else one for one in RULES]

    undisturbed = drive(stats, seed, lambda _: None)
    reloaded = drive(stats, seed, sometimes)
    assert content(reloaded) == content(undisturbed)
    assert alive(reloaded) == alive(undisturbed)
    assert alive(reloaded.restarted()) == alive(undisturbed)


def failing(run: DetectRun, minutes: range, server: int = 15) -> None:
    rows = [requests(T + m, "courses#show", 40, server) for m in minutes]
    run.observe(rows)
    run.close({"web_logs": T + minutes.stop})


def things(minutes: int) -> list[Row]:
    return [
        stat(T + m, dimension="thing", key="a", rows=5, members=["x"], members_distinct=1)
        for m in range(minutes)
    ]


def calm(run: DetectRun) -> None:
    """Learn a hundred quiet minutes."""
    rows = [requests(T + m, "courses#show", 40) for m in range(100)]
    run.finalise(rows, T + 100)
    run.take()


def test_a_changed_parameter_counts_from_then_on_with_what_was_learned() -> None:
    whole, part = SERVER
    run = DetectRun([part.model_copy(update={"part_of": None})])
    calm(run)
    known = run.states[part.id, "courses#show"]["state"]
    failing(run, range(100, 105))
    assert [record["status"] for record in run.take()] == ["open"]
    stricter = changed_rule(run.rules[0], {"min_errors": "500", "cold_min_errors": "500"})
    run.reload([stricter])
    assert [record["status"] for record in run.take()] == ["retracted"]
    assert run.states[part.id, "courses#show"]["state"] == known
    assert whole.id not in run.rules


def test_alerts_of_a_rule_that_is_gone_or_off_are_withdrawn_and_its_state_forgotten() -> None:
    alone = SERVER[1].model_copy(update={"part_of": None})
    for rules in ([], [alone.model_copy(update={"state": "off"})]):
        run = DetectRun([alone])
        calm(run)
        failing(run, range(100, 105))
        assert [record["status"] for record in run.take()] == ["open"]
        run.reload(rules)
        [record] = run.take()
        assert (record["status"], record["provisional"]) == ("retracted", False)
        assert {state["state"] for at, state in run.states.items() if alone.id in at[0]} == {""}
        assert run.take() == []


def test_a_rule_on_trial_withdraws_its_alerts_and_goes_on_learning() -> None:
    alone = SERVER[1].model_copy(update={"part_of": None})
    run = DetectRun([alone])
    calm(run)
    failing(run, range(100, 105))
    run.take()
    known = run.states[alone.id, "courses#show"]["state"]
    run.reload([alone.model_copy(update={"state": "shadow"})])
    assert [record["status"] for record in run.take()] == ["retracted"]
    assert run.states[alone.id, "courses#show"]["state"] == known
    run.finalise(run.open, T + 200)
    assert run.take() == []
    assert run.detection.held == {(alone.id, "shadow"): 1}


def test_a_rule_that_counts_something_else_starts_from_nothing_reloaded_or_restarted() -> None:
    alone = SERVER[1].model_copy(update={"part_of": None})
    other = changed_rule(alone, {"status_class": "4xx"})
    for restart in (False, True):
        run = DetectRun([alone])
        calm(run)
        if restart:
            run.rules = [other]
            run = run.restarted()
        else:
            run.reload([other])
        run.take()
        assert run.states[alone.id, "courses#show"]["state"] == ""


def test_a_restart_with_another_detector_under_the_same_id_forgets_what_the_old_one_knew() -> None:
    old = rule("count_burst", id="same_id")
    run = DetectRun([old])
    run.finalise(things(120), T + 180)
    run.take()
    assert run.states["same_id", "a"]["state"]
    run.rules = [rule("fan_out", id="same_id")]
    run = run.restarted()
    run.take()
    assert run.states["same_id", "a"]["state"] == ""


def test_a_restart_without_a_rule_forgets_it_so_that_it_does_not_come_back_with_a_gap() -> None:
    own = rule("count_burst")
    run = DetectRun([own])
    run.finalise(things(120), T + 180)
    run.take()
    run.rules = []
    run = run.restarted()
    run.take()
    assert {state["state"] for at, state in run.states.items() if own.id in at[0]} == {""}


def test_a_window_of_another_length_has_another_usual_count_so_its_rule_starts_from_nothing() -> (
    None
):
    own = rule("count_burst")
    run = DetectRun([own])
    run.finalise(things(120), T + 180)
    run.take()
    run.reload([changed_rule(own, {"window_min": "5"})])
    run.take()
    assert run.states[own.id, "a"]["state"] == ""


def test_states_that_do_not_say_what_they_were_learned_of_belong_to_the_rule_of_their_id() -> None:
    run = DetectRun([rule("count_burst")])
    run.finalise(things(120), T + 180)
    run.take()
    run.states = {at: state for at, state in run.states.items() if at[1] != ORIGINS}
    before = {at: state["state"] for at, state in run.states.items()}
    run = run.restarted()
    run.take()
    assert {at: state["state"] for at, state in run.states.items()} == before


def test_a_part_that_joins_its_whole_leaves_the_whole_what_it_knew() -> None:
    whole, part = SERVER
    run = DetectRun([whole])
    run.finalise([requests(T + m, "", 40, m % 2) for m in range(100)], T + 100)
    run.take()
    known = run.states[whole.id, ""]["state"]
    run.reload([whole, part])
    run.take()
    assert run.states[whole.id, ""]["state"] == known


def test_wrong_rules_are_refused_and_nothing_changes() -> None:
    run = DetectRun(RULES)
    calm(run)
    with pytest.raises(SettingsError, match="twice"):
        run.detection.replace([*RULES, RULES[0]])
    failing(run, range(100, 105))
    run.finalise(run.open, T + 200)
    run.take()
    assert [(rule, start) for rule, _, start, _ in run.windows()] == [(SERVER[1].id, T + 100)]
    assert run.latest()[0]["window_start"] == (T + 100) * MINUTE
