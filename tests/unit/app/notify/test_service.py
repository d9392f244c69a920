"""Which records are told, to whom, and what is committed behind them."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.app.notify.book import KINDS, Kind
from pipeline.app.notify.channels import Lane, Persistence
from pipeline.app.notify.notices import Notice
from pipeline.app.notify.service import NotifyFigures, Notifying
from pipeline.codecs.avro import encode_one
from pipeline.codecs.chunk import Record
from pipeline.domain.alerts import ACK, SILENCE, UNSILENCE, Action
from pipeline.domain.event_time import HOUR, MINUTE
from tests.support.alerts import START, alert, over
from tests.support.memory_kafka import SCHEMAS

NOW = START + 100 * HOUR
DAY = 24 * HOUR


class Nowhere:
    """A channel whose lane is never run: what is offered stays in it."""

    kinds: frozenset[Kind] = frozenset(KINDS)

    def __init__(self, name: str) -> None:
        self.name = name

    async def send(self, notice: Notice) -> None:
        raise AssertionError(notice)


class Desk:
    """A service that is fed by hand; ``now`` is its clock."""

    def __init__(self, *, lanes: int = 1, least: str = "info") -> None:
        self.now = NOW
        self.figures = NotifyFigures()
        self.service = Notifying(
            SCHEMAS, lambda: self.now, max_age=DAY, least_severity=least, figures=self.figures
        )
        self.service.lanes = [
            Lane(Nowhere(str(number)), _never, lambda: 0.0, Persistence())
            for number in range(lanes)
        ]
        self.offset = 0

    def take(self, record: dict[str, Any], *, new: bool = True, at: int | None = None) -> None:
        value = encode_one(SCHEMAS.named("anomaly"), SCHEMAS.id_of("anomaly"), record)
        published_ms = (self.now if at is None else at) // 1000
        self.service.take(Record(self.offset, published_ms, b"k", value, ()), new=new)
        self.offset += 2

    def decide(self, action: str, subject: str, **more: Any) -> None:
        made = Action(subject, action, "Ann", "why", **{"until": None, "acted_at": 1, **more})
        self.service.decisions.take(made)

    def told(self) -> list[tuple[str, str]]:
        """Return and forget what waits in the first lane: kind and key."""
        lane = self.service.lanes[0]
        found = [(notice.kind, notice.record["key"]) for _, notice in lane._waiting]
        lane.forget()
        return found


async def _never(_notice: Notice, _channel: str, _why: str) -> None:
    raise AssertionError


def keys(*numbers: int) -> list[str]:
    return [alert(number)["key"] for number in numbers]


def test_a_story_is_told_as_it_goes() -> None:
    desk = Desk()
    first = alert(1)
    grown = {**first, "version": 2, "observed": 99.0}
    risen = {**grown, "version": 3, "severity": "critical", "severity_was": "warning"}
    ended = over(risen)
    final = {**ended, "version": 5, "provisional": False, "suppressed": 3}
    again = {**grown, "version": 6, "status": "revised", "severity": "critical"}
    for record in (first, grown, risen, ended, final, again, over(again, status="retracted")):
        desk.take(record)
    kinds = [kind for kind, _ in desk.told()]
    assert kinds == ["opened", "updated", "risen", "resolved", "settled", "reopened", "retracted"]


def test_repetitions_and_older_versions_are_not_told() -> None:
    desk = Desk()
    for version in (3, 3, 2, 4, 3):
        desk.take(alert(1, version=version))
    assert [kind for kind, _ in desk.told()] == ["opened", "updated"]


def test_what_was_committed_or_is_old_is_known_and_not_told() -> None:
    desk = Desk()
    desk.take(alert(1), new=False)
    desk.take(alert(2), at=NOW - DAY - MINUTE)
    assert desk.told() == []
    desk.take(over(alert(1)))
    assert desk.told() == [("resolved", keys(1)[0])]


def test_nobody_hears_the_end_of_what_nobody_heard_of() -> None:
    desk = Desk()
    desk.decide(SILENCE, "*")
    desk.take(alert(1))
    desk.decide(UNSILENCE, "*")
    desk.take(over(alert(1)))
    assert desk.told() == []


def test_an_alert_that_outlasts_its_silence_is_told_once() -> None:
    desk = Desk()
    desk.decide(SILENCE, "*", until=NOW + HOUR)
    desk.take(alert(1))
    desk.service.tell_of_the_unsilenced()
    assert desk.told() == []
    desk.now += HOUR
    for _ in range(2):
        desk.service.tell_of_the_unsilenced()
    assert desk.told() == [("opened", keys(1)[0])]


def test_who_acknowledged_hears_of_ends_and_of_worse_alone() -> None:
    desk = Desk()
    desk.take(alert(1))
    desk.decide(ACK, alert(1)["fingerprint"], episode=alert(1)["episode"])
    desk.take(alert(1, version=2, observed=99.0))
    desk.take(alert(1, version=3, severity="critical", severity_was="warning"))
    desk.take(over(alert(1, version=3, severity="critical", severity_was="warning")))
    assert [kind for kind, _ in desk.told()] == ["opened", "risen", "resolved"]


def test_mild_alerts_are_told_when_they_become_severe() -> None:
    desk = Desk(least="critical")
    desk.take(alert(1))
    assert desk.told() == []
    desk.take(alert(1, version=2, severity="critical", severity_was="warning"))
    assert [kind for kind, _ in desk.told()] == ["opened"]


def test_silenced_alerts_are_kept_from_alertmanager() -> None:
    desk = Desk()
    assert desk.service.sendable() is None
    desk.figures.ready = True
    desk.take(alert(1))
    desk.take(alert(2))
    desk.decide(SILENCE, alert(1)["fingerprint"])
    found = desk.service.sendable()
    assert found is not None
    assert [entry.record["key"] for entry in found] == keys(2)
    assert desk.service.states() == {"active": 2, "silenced": 1, "acknowledged": 0}


def test_what_cannot_be_read_is_counted_and_passed_over() -> None:
    desk = Desk()
    desk.service.take(Record(0, NOW // 1000, b"k", b"rubbish", ()), new=True)
    desk.service.take(Record(1, NOW // 1000, b"k", None, ()), new=True)
    assert desk.figures.records["unreadable"] == 1
    assert desk.service.done() == 2


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 4)), max_size=20))
def test_nothing_is_committed_before_every_channel_has_it(
    steps: Sequence[tuple[int, int]],
) -> None:
    """Each step tells a new alert, then one lane delivers some."""
    desk = Desk(lanes=2)
    for number, (which, delivers) in enumerate(steps):
        desk.take(alert(number))
        lane = desk.service.lanes[which]
        for _ in range(min(delivers, lane.waiting)):
            lane._waiting.popleft()
        open_offsets = [n.offset for each in desk.service.lanes for _, n in each._waiting]
        committed = desk.service.done()
        assert committed == min([*(o for o in open_offsets if o is not None), desk.offset - 1])


def test_a_new_assignment_begins_with_nothing() -> None:
    desk = Desk()
    desk.take(alert(1))
    desk.service.begin()
    assert (desk.told(), desk.service.done(), len(desk.service.book)) == ([], None, 0)
