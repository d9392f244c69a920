"""A backtest finds what a run over the same minutes finds, however its days are cut."""

import json
import xml.etree.ElementTree as ET
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.app.rule_picture import LEFT, WIDTH, picture
from pipeline.detect.rules import load_rule
from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.engine.backtest import (
    POINTS,
    Backtest,
    Pictured,
    Series,
    dimensions_of,
    measure_of,
    overlap,
    with_whole,
)
from tests.support.detect_run import RULES, final_run, shipped_rules
from tests.support.minute_stats import DAY_START_MIN, requests, simulate_day

DAY = simulate_day(4, attacks=True, per_day=60_000)
STATS = DAY.stats()
START = DAY_START_MIN * MINUTE
END = START + 24 * HOUR
OLD = [rule for rule in shipped_rules() if rule.detector in {"error_spike", "masquerade_burst"}]
WHOLE = final_run(STATS, OLD).windows()
PAGE = load_rule((RULES / "error_spike_5xx_controller.yaml").read_text(), "x")


def run(since: int, *cuts: int) -> list[tuple[str, str, int, int]]:
    """Return the alerts of the day in parts that end at these minutes, and a quiet day after."""
    test = Backtest(OLD, since)
    start = START
    for end in (*(START + cut * MINUTE for cut in sorted(cuts)), END + 24 * HOUR):
        within = (pl.col("minute") >= start) & (pl.col("minute") < end)
        test.add(STATS.filter(within), end)
        start = end
    return [
        (r["rule"], r["key"], r["window_start"] // MINUTE, r["window_end"] // MINUTE)
        for r in test.alerts()
    ]


@given(st.sets(st.integers(1, 1439), max_size=4))
@settings(max_examples=4, deadline=None)
def test_a_backtest_finds_the_same_however_the_past_is_cut(cuts: set[int]) -> None:
    assert len(WHOLE) >= len(DAY.attacks)
    assert run(START, *cuts) == WHOLE


def test_minutes_before_the_start_are_learned_from_only() -> None:
    noon = START + 12 * HOUR
    assert run(noon) == [one for one in WHOLE if one[3] * MINUTE > noon]


def test_a_part_is_judged_together_with_its_whole_and_a_rule_on_trial_as_if_enabled() -> None:
    shadow = PAGE.model_copy(update={"state": "shadow"})
    rules = with_whole([shadow if rule.id == PAGE.id else rule for rule in OLD], [shadow])
    assert sorted(rule.id for rule in rules) == [PAGE.id, "error_spike_5xx_instance"]
    assert {rule.state for rule in rules} == {"enabled"}
    assert dimensions_of(rules) == ["all", "controller_action"]


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("grades_after_conclusion", ["course_concluded", "course_open", "graded_course"]),
        ("takeover_from_new_network", ["failed_login_ip", "login_account", "login_ip"]),
    ],
)
def test_the_minutes_of_every_step_of_a_rule_are_read(name: str, read: list[str]) -> None:
    assert dimensions_of([rule for rule in shipped_rules() if rule.id == name]) == read


def test_every_shipped_rule_has_a_count_that_is_a_column_of_the_statistics() -> None:
    for rule in shipped_rules():
        assert measure_of(rule) in STATS.columns, rule.id


def test_a_picture_keeps_the_most_of_each_stretch() -> None:
    pictured = Pictured(PAGE, START, START + 3 * POINTS * MINUTE)
    rows = [requests(DAY_START_MIN + m, "a#b", 20, m % 7) for m in range(30)]
    rows += [requests(DAY_START_MIN + m, "c#d", 20, 1) for m in range(2)]
    for minute in range(0, 30, 10):
        pictured.add(pl.DataFrame(rows[minute : minute + 10], schema=STATS.schema))
    pictured.add(pl.DataFrame(rows[30:], schema=STATS.schema))
    [first, second] = pictured.series(["c#d"])
    assert (first.key, second.key, first.step) == ("c#d", "a#b", 3 * MINUTE)
    expected = {m // 3: max(n % 7 for n in range(m, m + 3)) for m in range(0, 30, 3)}
    found = {(point.at - START) // (3 * MINUTE): point.most for point in second.points}
    assert found == expected


def test_a_picture_is_svg_with_a_band_for_every_alert_of_its_keys() -> None:
    series = Pictured(PAGE, START, END)
    series.add(STATS)
    test = Backtest(with_whole(OLD, [PAGE]), START)
    test.add(STATS, END + 24 * HOUR)
    alerts = [one for one in test.alerts() if one["rule"] == PAGE.id]
    assert alerts
    drawn = picture("<title>", series.series([a["key"] for a in alerts]), (START, END), alerts)
    bands = ET.fromstring(drawn).findall(".//{*}rect/{*}title")  # noqa: S314 - our own
    assert len(bands) == len(alerts)
    assert all(alerts[i]["explanation"] in str(bands[i].text) for i in range(len(alerts)))


def test_a_picture_of_nothing_is_svg_too() -> None:
    assert Pictured(PAGE, START, END).series([]) == []
    ET.fromstring(picture("x", [], (START, END), []))  # noqa: S314 - our own


@given(st.integers(0, 14 * 24), st.integers(1, 60 * 24))
def test_what_is_written_below_a_picture_lies_in_it_and_apart(start_h: int, hours: int) -> None:
    span = (START + start_h * HOUR, START + (start_h + hours) * HOUR)
    drawn = ET.fromstring(picture("x", [Series("", MINUTE, [])], span, []))  # noqa: S314 - our own
    texts = [one for one in drawn.iter() if one.get("text-anchor") == "middle"]
    middles = [LEFT + float(one.attrib["x"]) for one in texts]
    # Eleven digits and signs of a font of 12 are at most 80 wide.
    assert all(40 <= x <= WIDTH - 40 for x in middles)
    assert all(later - x >= 80 for x, later in pairwise(middles))


def alert(key: str, start: int, end: int) -> dict[str, object]:
    return {"rule": "r", "key": key, "window_start": start, "window_end": end}


def test_alerts_of_two_lists_are_paired_once_by_key_and_nearest_window() -> None:
    first = [alert("a", 0, 10), alert("a", 100, 110), alert("b", 0, 10)]
    second = [alert("a", 95, 120), alert("a", 108, 112), alert("b", 30, 40)]
    found = overlap(first, second, {"r": 5})
    assert [(one["window_start"], other["window_start"]) for one, other in found.both] == [
        (100, 95)
    ]
    assert json.dumps(found.only_first) == json.dumps([first[0], first[2]])
    assert found.only_second == second[1:]


@pytest.mark.parametrize("near", [0, 19, 20])
def test_windows_meet_if_they_are_near_enough(near: int) -> None:
    found = overlap([alert("b", 0, 10)], [alert("b", 30, 40)], {"r": near})
    assert bool(found.both) == (near >= 20)
