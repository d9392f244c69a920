"""Where a drill is acted out: its people, addresses and clocks, and what came of it."""

from collections.abc import Callable, Iterator
from typing import Final

from pipeline.domain.event_time import MICROS
from pipeline.simulator.attacks.attack import Moment
from pipeline.simulator.client import Client
from pipeline.simulator.dice import Dice
from pipeline.simulator.journey import Journey
from pipeline.simulator.labels import Key
from pipeline.simulator.person import Kind, Person
from pipeline.simulator.request import Audit, JobEvent, LiveEvent, Request
from pipeline.simulator.user_agents import DESKTOP
from pipeline.simulator.world import World

FOREIGN_IPV6_SHARE: Final = 0.2


class Scene:
    """One drill at its moment; `size` is how much of it there is (attempts, people, changes).

    An act opens journeys, adds jobs, names the keys that alerts are about, and may set `change`,
    which is asked about every background request of the moment.
    """

    def __init__(self, world: World, moment: Moment, dice: Dice, size: int) -> None:
        self.world = world
        self.moment = moment
        self.dice = dice
        self.size = size
        self.keys: list[Key] = []
        self.jobs: list[JobEvent] = []
        self.change: Callable[[Request], Request] | None = None
        self.hidden_requests = 0
        self._journeys: list[Journey] = []

    def about(self, dimension: str, key: object) -> None:
        """Name what alerts are about."""
        self.keys.append(Key(dimension, str(key)))

    def clock(self, count: int) -> Iterator[int]:
        """Give `count` instants, evenly spread over the moment with some jitter."""
        step = (self.moment.end_us - self.moment.start_us) / max(count, 1)
        for number in range(count):
            yield self.moment.start_us + int((number + 0.8 * self.dice.uniform()) * step)

    def journey(self, client: Client, at: int) -> Journey:
        """Begin a journey whose requests belong to the drill."""
        journey = Journey(client, at, self.moment.end_us, self.dice, noise=0.3)
        self._journeys.append(journey)
        return journey

    def requests(self) -> list[list[Request]]:
        """Give what was asked within the moment, journey by journey, in the order of time."""
        kept = (
            sorted((r for r in one.requests if self.moment.holds(r.time_us)), key=_time)
            for one in self._journeys
        )
        return [requests for requests in kept if requests]

    def somebody(self, kind: Kind) -> Person:
        """Draw a person of a role."""
        return self.dice.pick(self.world.university.of_kind(kind))

    def people(self, kind: Kind, count: int) -> list[Person]:
        """Draw different people of a role."""
        return self.dice.sample(self.world.university.of_kind(kind), count)

    def stranger_ip(self) -> str:
        """Draw an address of a network nobody here uses (RFC 2544 and RFC 3849 ranges)."""
        below = self.dice.below
        if self.dice.chance(FOREIGN_IPV6_SHARE):
            return f"2001:db8:{1 + below(65_000):x}::{1 + below(65_000):x}"
        return f"198.{18 + below(2)}.{below(256)}.{1 + below(254)}"

    def stranger(self, ip: str | None = None, agent: str | None = None) -> Client:
        """Give somebody from outside, not logged in, with a session of his own."""
        return Client(
            person=None,
            session=self.dice.hex32(),
            ip=ip or self.stranger_ip(),
            agent=agent or self.dice.pick(DESKTOP),
        )

    def at_home(self, person: Person) -> Client:
        """Give a person logged in at home."""
        return Client(
            person=person,
            session=self.dice.hex32(),
            ip=person.home_ip,
            agent=person.desktop_agent,
        )

    def token(self, person: Person | None, key: int, ip: str, agent: str) -> Client:
        """Give a program that calls the API with a token; it has no session."""
        return Client(
            person=person, session=None, ip=ip, agent=agent, developer_key=key, http_version="1.1"
        )

    def pause(self, journey: Journey, seconds: float) -> None:
        """Let a program wait: nearly the same time each time."""
        journey.at += int(seconds * (0.7 + 0.6 * self.dice.uniform()) * MICROS)


def tell(journey: Journey, *events: LiveEvent) -> None:
    """Let the last request cause these events instead of its route's usual ones."""
    last = journey.requests[-1]
    if last.status < 400:
        journey.requests[-1] = last._replace(events=events)


def note(journey: Journey, *audits: Audit) -> None:
    """Let the Course Audit log note what the last request did."""
    last = journey.requests[-1]
    if last.status < 400:
        journey.requests[-1] = last._replace(audits=audits)


def _time(request: Request) -> int:
    return request.time_us
