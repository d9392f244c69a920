"""Examples inside rule files: minutes as they are written, judged by the real detectors."""

from typing import Any

import polars as pl
import pytest
import yaml

from pipeline.aggregate.stats import STAT_COLUMNS
from pipeline.detect.rules import AnyRule, load_rule
from pipeline.domain.event_time import MINUTE
from pipeline.engine.rule_examples import SCHEMA, example_stats, try_examples
from tests.support.detect_run import RULES

MONDAY_MIN = 29_459_520  # 2026-01-05, midnight UTC


def rule(name: str, *phases: dict[str, Any], **more: Any) -> AnyRule:
    """Return a shipped rule with one example, which it says must fire."""
    example = {"name": "made up", "minutes": list(phases), **more}
    document = yaml.safe_load((RULES / f"{name}.yaml").read_text())
    return load_rule(yaml.safe_dump(document | {"examples": {"fires": [example]}}), "x")


def stats(*phases: dict[str, Any], **more: Any) -> tuple[pl.DataFrame, int]:
    """Return the minutes of an example of a rule on controller#action."""
    made = rule("error_spike_5xx_controller", *phases, **more)
    found, end = example_stats(made, made.examples.fires[0])
    assert found.columns == list(STAT_COLUMNS)
    assert dict(found.schema) == dict(pl.Schema(SCHEMA))
    return found, end // MINUTE - MONDAY_MIN


def minutes(frame: pl.DataFrame) -> list[int]:
    return (frame["minute"] // MINUTE - MONDAY_MIN).to_list()


def test_phases_follow_each_other_from_a_monday_midnight() -> None:
    found, end = stats(
        {"for_min": 2, "key": "a#b", "rows": 5},
        {"for_min": 3, "key": "a#b"},
        {"for_min": 1, "key": "a#b", "rows": 7, "status_5xx": 2, "status_4xx": 1},
    )
    assert (minutes(found), end) == ([0, 1, 5], 6)
    assert found["rows"].to_list() == [5, 5, 7]
    assert found["errors"].to_list() == [0, 0, 3]
    assert set(found["feed"]) == {"web_logs"}
    assert set(found["dimension"]) == {"controller_action"}


def test_a_phase_may_begin_anywhere_and_skip_minutes_and_hours() -> None:
    found, end = stats(
        {"for_min": 1440, "every_min": 60, "hours": [8, 10], "key": "a#b", "rows": 1},
        {"for_min": 2, "at_min": 500, "key": "c#d", "rows": 1},
        start="2026-01-05T00:00",
    )
    assert (minutes(found), end) == ([480, 500, 501, 540], 1440)


def test_like_keys_are_numbered() -> None:
    found, _ = stats({"for_min": 2, "key": "a#b", "keys": 3, "rows": 1})
    assert found["key"].to_list() == ["a#b-1", "a#b-2", "a#b-3"] * 2


def test_members_are_new_in_each_minute_or_the_named_ones() -> None:
    found, _ = stats({"for_min": 2, "keys": 2, "key": "a#b", "rows": 9, "members": 3})
    everybody = [one for members in found["members"].to_list() for one in members]
    assert len(everybody) == len(set(everybody)) == 12
    assert found["members_distinct"].to_list() == [3] * 4
    found, _ = stats({"for_min": 2, "key": "a#b", "rows": 9, "members": ["x", "y"]})
    assert found["members"].to_list() == [["x", "y"]] * 2


FAILING = (
    {"for_min": 240, "key": "courses#show", "rows": 20},
    {"for_min": 5, "key": "courses#show", "rows": 20, "status_5xx": 12},
)


@pytest.mark.parametrize("state", ["enabled", "shadow", "off"])
def test_an_example_fires_whatever_the_state_of_its_rule(state: str) -> None:
    made = rule("error_spike_5xx_controller", *FAILING)
    [tried] = try_examples(made.model_copy(update={"state": state}))
    [alert] = tried.alerts
    assert (tried.right, alert["key"], alert["observed"]) == (True, "courses#show", 60)


def test_an_example_that_must_fire_and_does_not_is_wrong() -> None:
    [tried] = try_examples(rule("error_spike_5xx_controller", FAILING[0]))
    assert (tried.right, tried.alerts) == (False, [])


def test_an_example_that_must_stay_quiet_and_fires_is_wrong() -> None:
    made = rule("error_spike_5xx_controller", *FAILING)
    swapped = {"fires": (), "quiet": made.examples.fires}
    quiet = made.model_copy(update={"examples": made.examples.model_copy(update=swapped)})
    [tried] = try_examples(quiet)
    assert (tried.right, len(tried.alerts)) == (False, 1)


def test_an_example_with_members_speaks_to_a_rule_about_members() -> None:
    acting = {"for_min": 10, "key": "901", "rows": 6, "masqueraded": 6, "members": 2}
    [tried] = try_examples(rule("masquerade_burst", acting))
    assert [alert["observed"] for alert in tried.alerts] == [20]
