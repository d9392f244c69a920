"""A sequence whose last step somebody passes at a place that is new to him."""

from typing import Any

import pytest

from pipeline.detect.rules import AnyRule
from pipeline.domain.event_time import MINUTE
from tests.support.detect_run import DetectRun
from tests.support.minute_stats import Row, frame
from tests.support.noise import DAY, MONDAY
from tests.support.watch_rules import rule

WEEKS = 14 * DAY
HOME, AWAY = "192.0.2.0/24", "203.0.113.0/24"


def new_place(**parameters: Any) -> AnyRule:
    given: AnyRule = rule(
        "sequence",
        dimension="login_ip",
        measure="status_3xx",
        after=[{"dimension": "failed_login_ip", "min_count": 4, "min_share": 0.5}],
        new_in={"dimension": "login_account"},
        parameters={"window_min": 30, "quiet_min": 60, **parameters},
    )
    return given


def row(minute: int, dimension: str, key: str, **counts: Any) -> Row:
    members = counts.get("members", [])
    return {
        "minute": (MONDAY + minute) * MINUTE,
        "dimension": dimension,
        "key": key,
        "feed": "web_logs",
        "rows": 1,
        "members_distinct": len(members),
        **counts,
    }


def login(minute: int, network: str, who: str = "48") -> list[Row]:
    """Return somebody's login from an address of a network."""
    return [
        row(minute, "login_ip", network, status_3xx=1, members=[who]),
        row(minute, "login_account", who, status_3xx=1, members=[network]),
    ]


def failures(minute: int, network: str, many: int = 5) -> list[Row]:
    return [row(minute + n, "failed_login_ip", network, status_4xx=1) for n in range(many)]


def at_home(days: int = 14, each: int = DAY) -> list[Row]:
    return [one for minute in range(0, days * DAY, each) for one in login(minute, HOME)]


def told(rows: list[Row], given: AnyRule, until: int = WEEKS + DAY) -> list[tuple[int, list[str]]]:
    """Return minute and contributors of every alert."""
    run = DetectRun([given])
    rows = sorted(rows, key=lambda one: (one["minute"], one["dimension"], one["key"]))
    run.finalise(frame(rows), MONDAY + until)
    run.take()
    return [
        (one["window_end"] // MINUTE - MONDAY - 1, one["contributing_keys"]) for one in run.latest()
    ]


@pytest.mark.parametrize(("network", "found"), [(HOME, []), (AWAY, [(WEEKS + 105, ["48"])])])
def test_guesses_that_get_in_are_told_where_the_account_never_was(
    network: str, found: list[tuple[int, list[str]]]
) -> None:
    rows = [*at_home(), *failures(WEEKS + 100, network), *login(WEEKS + 105, network)]
    assert told(rows, new_place()) == found


def test_without_enough_failures_a_new_network_is_no_finding() -> None:
    rows = [*at_home(), *failures(WEEKS + 100, AWAY, 3), *login(WEEKS + 105, AWAY)]
    assert told(rows, new_place()) == []


def test_a_network_is_known_as_soon_as_somebody_was_there_without_failures() -> None:
    """Also if it was so short ago that nothing of it is learned yet."""
    rows = [*at_home(), *login(WEEKS + 20, AWAY)]
    rows += [*failures(WEEKS + 100, AWAY), *login(WEEKS + 105, AWAY)]
    assert told(rows, new_place()) == []


def test_what_was_reported_is_as_new_the_next_time() -> None:
    rows = at_home()
    for start in (WEEKS + 100, WEEKS + DAY):
        rows += [*failures(start, AWAY), *login(start + 5, AWAY)]
    found = told(rows, new_place(), WEEKS + 2 * DAY)
    assert [minute for minute, _ in found] == [WEEKS + 105, WEEKS + DAY + 5]


@pytest.mark.parametrize(("days", "each"), [(0, DAY), (5, DAY), (14, 7 * DAY)])
def test_of_an_account_that_is_hardly_known_nothing_is_new(days: int, each: int) -> None:
    end = max(days, 1) * DAY
    rows = [*at_home(days, each), *failures(end + 100, AWAY), *login(end + 105, AWAY)]
    assert told(rows, new_place()) == []


@pytest.mark.parametrize(("remembered", "found"), [(10 * DAY, 1), (30 * DAY, 0)])
def test_a_network_that_was_not_used_for_long_is_new_again(remembered: int, found: int) -> None:
    rows = [*login(0, AWAY), *at_home()[2:], *failures(WEEKS + 100, AWAY)]
    rows += login(WEEKS + 105, AWAY)
    assert len(told(rows, new_place(forget_after_min=remembered))) == found


def test_who_gets_in_where_he_is_known_does_not_hide_who_does_not() -> None:
    rows = [*at_home(), *failures(WEEKS + 100, HOME)]
    for day in range(14):
        rows += [*login(day * DAY + 60, "198.51.100.0/24", "49")]
    rows += [
        row(WEEKS + 105, "login_ip", HOME, status_3xx=2, members=["48", "49"]),
        row(WEEKS + 105, "login_account", "48", status_3xx=1, members=[HOME]),
        row(WEEKS + 105, "login_account", "49", status_3xx=1, members=[HOME]),
    ]
    assert told(rows, new_place()) == [(WEEKS + 105, ["49"])]
