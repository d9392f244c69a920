"""What Alertmanager hears in a round."""

from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.app.notify.alertmanager import RESOLVED_FOR, ROUNDS, Rhythm, heartbeat, round_of
from pipeline.app.notify.book import Book
from pipeline.domain.event_time import MINUTE
from tests.support.alerts import START, alert, over

RHYTHM = Rhythm(every=MINUTE, hold=5 * MINUTE)
AT = START + 600 * MINUTE


def book(*records: tuple[dict[str, Any], int]) -> Book:
    found = Book()
    for record, at in records:
        found.take(record, at // 1000)
    return found


def micros(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


@given(st.integers(0, 10_000))
def test_what_goes_on_fires_until_four_rounds_later(minutes: int) -> None:
    now = AT + minutes * MINUTE
    (found,) = round_of(book((alert(), AT)), now, RHYTHM)
    assert micros(found["endsAt"]) == now + ROUNDS * RHYTHM.every
    assert found["labels"]["episode"] == alert()["episode"]
    assert all(isinstance(value, str) and value for value in found["labels"].values())


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 80))
def test_an_end_is_told_for_a_while_and_never_within_the_hold(
    found_at: int, ends_after: int, later: int
) -> None:
    first, ended = AT + found_at * MINUTE, AT + (found_at + ends_after) * MINUTE
    now = ended + later * MINUTE
    alerts = round_of(book((alert(), first), (over(alert()), ended)), now, RHYTHM)
    end = max(ended, first + RHYTHM.hold)
    if now > end + RESOLVED_FOR:
        assert alerts == []
    else:
        (one,) = alerts
        assert (micros(one["endsAt"]) > now) == (now < end)


def test_what_was_over_when_it_was_found_fires_first() -> None:
    entries = book((over(alert()), AT))
    (fires,) = round_of(entries, AT, RHYTHM)
    (ends,) = round_of(entries, AT + RHYTHM.hold, RHYTHM)
    assert micros(fires["endsAt"]) > AT
    assert micros(ends["endsAt"]) == AT + RHYTHM.hold
    assert fires["labels"] == ends["labels"]


def test_what_is_withdrawn_ends_at_once() -> None:
    gone = over(alert(), status="retracted")
    (ends,) = round_of(book((alert(), AT), (gone, AT + MINUTE)), AT + MINUTE, RHYTHM)
    assert micros(ends["endsAt"]) == AT + MINUTE


def test_another_severity_ends_the_alert_with_the_one_before() -> None:
    """Labels are the identity there: without this, two alerts of one story would fire."""
    risen = alert(version=2, severity="critical", severity_was="warning")
    entries = book((alert(), AT), (risen, AT + MINUTE))
    found = round_of(entries, AT + 2 * MINUTE, RHYTHM)
    ends = {one["labels"]["severity"]: micros(one["endsAt"]) for one in found}
    assert ends["warning"] == AT + MINUTE
    assert ends["critical"] > AT + 2 * MINUTE


def test_an_alert_never_ends_before_it_begins() -> None:
    future = alert(opened_at=AT + 90 * MINUTE)
    for one in round_of(book((over(future, status="retracted"), AT)), AT, RHYTHM):
        assert micros(one["startsAt"]) <= micros(one["endsAt"])


def test_the_heartbeat_always_fires() -> None:
    assert micros(heartbeat(AT, MINUTE)["endsAt"]) == AT + ROUNDS * MINUTE
