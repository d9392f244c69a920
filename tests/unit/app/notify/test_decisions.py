"""What acknowledgements and silences say of an alert."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.alerts import ACK, SILENCE, UNACK, UNDELIVERED, UNSILENCE, Action, Decisions
from tests.support.alerts import alert

NOW = 1_000


def action(kind: str, subject: str = "*", **more: object) -> Action:
    return Action(subject, kind, "Ann", "why", **{"until": None, "acted_at": 1, **more})  # type: ignore[arg-type]


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
def test_a_maintenance_window_silences_from_its_begin_up_to_its_end(
    begin: int, end: int, at: int
) -> None:
    decisions = Decisions([action(SILENCE, begins_at=begin, until=end)])
    assert (decisions.silence_of(alert(), at) is not None) == (begin <= at < end)


def test_a_silence_is_about_an_alert_a_rule_or_all() -> None:
    one, two = alert(1), alert(2, rule="other")
    for subject, silent in (
        (one["fingerprint"], (True, False)),
        (f"rule:{two['rule']}", (False, True)),
        ("*", (True, True)),
    ):
        decisions = Decisions([action(SILENCE, subject)])
        found = tuple(decisions.silence_of(each, NOW) is not None for each in (one, two))
        assert found == silent


def test_the_last_action_of_a_kind_counts_and_other_kinds_stay() -> None:
    one = alert(1)
    decisions = Decisions(
        [
            action(SILENCE, one["fingerprint"]),
            action(ACK, one["fingerprint"]),
            action(UNDELIVERED, one["fingerprint"], channel="webhook"),
            action(UNSILENCE, one["fingerprint"]),
        ]
    )
    assert decisions.silence_of(one, NOW) is None
    assert decisions.ack_of(one) is not None
    decisions.take(action(UNACK, one["fingerprint"]))
    assert [each.action for each in decisions.about(one)] == [UNDELIVERED]


def test_two_maintenance_windows_of_one_subject_stand_side_by_side() -> None:
    windows = [action(SILENCE, begins_at=at, until=at + 5) for at in (10, 20)]
    decisions = Decisions(windows)
    silent = [at for at in range(30) if decisions.silence_of(alert(), at)]
    assert silent == [*range(10, 15), *range(20, 25)]
    decisions.take(action(UNSILENCE, begins_at=20))
    assert not decisions.silence_of(alert(), 21)
    assert decisions.silence_of(alert(), 11)


def test_an_acknowledged_occurrence_is_not_the_next_one() -> None:
    one = alert(1)
    decisions = Decisions([action(ACK, one["fingerprint"], episode=one["episode"])])
    assert decisions.ack_of(one) is not None
    assert decisions.ack_of(alert(1, episode="later")) is None
