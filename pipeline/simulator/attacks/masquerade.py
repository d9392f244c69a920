"""Masquerade abuse: one account acts as many people, or writes much as a few."""

from dataclasses import dataclass
from typing import Final

from pipeline.domain.event_time import MICROS
from pipeline.domain.feeds import LIVE_EVENTS, WEB_LOGS
from pipeline.simulator import routes
from pipeline.simulator.attacks.attack import Moment
from pipeline.simulator.dice import Dice
from pipeline.simulator.help_desk import become, look_up, stop_acting
from pipeline.simulator.journey import Journey
from pipeline.simulator.labels import AttackLabel, Key, Strength
from pipeline.simulator.person import Kind, Person
from pipeline.simulator.request import JobEvent, Request
from pipeline.simulator.walks import browser
from pipeline.simulator.world import World

# Writing as others is told by the rule on that, and grades by those on graders.
ALSO: Final = ("masqueraded_writes", "masquerade_of_admin", "grade", "session_from")


@dataclass(frozen=True, slots=True)
class Masquerade:
    """A kind of masquerade abuse by one account of role `actor`.

    It acts as up to `targets` people; as each it reads, and writes `writes` times.
    """

    name: str
    actor: Kind
    targets: int
    writes: int
    minutes: float
    local_hour: float
    strength: Strength = "strong"
    like: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """The rule that finds it."""
        return "masquerade_burst"

    def begin(self, world: World, moment: Moment, dice: Dice) -> "RunningMasquerade":
        """Prepare the abuse."""
        return RunningMasquerade(self, world, moment, dice)


class RunningMasquerade:
    """One masquerade abuse at work."""

    def __init__(self, kind: Masquerade, world: World, moment: Moment, dice: Dice) -> None:
        self.moment = moment
        self._kind = kind
        self._world = world
        self._dice = dice
        self._actor = world.university.of_kind(kind.actor)[-1]
        self._targets = dice.sample(_targets(kind, world), kind.targets)
        self._rows = 0
        self._events = 0

    def touch(self, request: Request) -> Request:
        """Leave the background as it is."""
        return request

    def journeys(self) -> list[list[Request]]:
        """Let the account act as one after the other, evenly over the time."""
        dice, kind = self._dice, self._kind
        client = browser(self._actor, dice).logged_in(self._actor, dice.hex32())
        journey = Journey(client, self.moment.start_us, self.moment.end_us, dice)
        length = self.moment.end_us - self.moment.start_us
        slot = length // len(self._targets)
        for number, target in enumerate(self._targets):
            journey.at = max(journey.at, self.moment.start_us + number * slot)
            if kind.writes == 0 and number % 8 == 0:
                look_up(journey, target)
            become(journey, target)
            if kind.writes:
                self._write_as(journey, target, slot)
            else:
                _read_as(journey, target)
            stop_acting(journey)
        # Slow answers may carry the last steps past the end.
        requests = [r for r in journey.requests if self.moment.holds(r.time_us)]
        acted = [r for r in requests if r.client.real is not None]
        self._rows += len(acted)
        self._events += sum(len(r.events) for r in acted)
        return [requests]

    def jobs(self) -> list[JobEvent]:
        """Give none: only requests carry it."""
        return []

    def label(self) -> AttackLabel:
        """Say who acted, and how much."""
        what = "reading" if self._kind.writes == 0 else "writing"
        return AttackLabel(
            name=self._kind.name,
            kind="masquerade",
            rule=self._kind.rule,
            start_us=self.moment.start_us,
            end_us=self.moment.end_us,
            feeds=(LIVE_EVENTS, WEB_LOGS),
            keys=(Key("masquerader", str(self._actor.user_id)),),
            tolerated=(),
            web_logs=self._rows,
            live_events=self._events,
            detail=f"One {self._kind.actor} account acts as {len(self._targets)} people, {what}.",
            strength=self._kind.strength,
            also=ALSO,
        )

    def _write_as(self, journey: Journey, target: Person, slot: int) -> None:
        dice = self._dice
        courses = target.courses
        for _ in range(self._kind.writes):
            course = dice.pick(courses)
            item = dice.pick(course.items("assignment"))
            if target.kind == "teacher":
                students = self._world.university.students_of(course)
                if students:
                    subject = dice.pick(students)
                    journey.ask(routes.GRADE, course, item, subject=subject, status=200)
            else:
                journey.ask(routes.SUBMIT, course, item, status=302)
            # Nine tenths of the time go to writing, whatever the length of the attack.
            journey.at += int(slot * 0.9 / self._kind.writes * (0.6 + 0.8 * dice.uniform()))


def _read_as(journey: Journey, target: Person) -> None:
    """Read somebody's inbox and grades, quickly."""
    dice = journey.dice
    step = dice.uniform
    journey.open((routes.INBOX, routes.INBOX_API), None)
    for course in dice.sample(target.courses, 2):
        journey.at += int((0.8 + 1.2 * step()) * MICROS)
        journey.open((routes.GRADES,), course)
    journey.at += int((0.5 + step()) * MICROS)


def _targets(kind: Masquerade, world: World) -> list[Person]:
    people = world.university.people
    if kind.writes == 0:
        return [p for p in people if p.kind == "student"]
    # Teachers' grades and students' work, half and half.
    teachers = [p for p in people if p.kind == "teacher" and p.courses]
    students = [p for p in people if p.kind == "student"]
    return [*teachers[: len(teachers)], *students[: len(teachers)]]


BURST: Final = Masquerade(
    name="masquerade-burst",
    actor="help_desk",
    targets=40,
    writes=0,
    minutes=15,
    local_hour=16.25,
)
WRITES: Final = Masquerade(
    name="masquerade-writes",
    actor="admin",
    targets=4,
    writes=40,
    minutes=12,
    local_hour=20.25,
)
