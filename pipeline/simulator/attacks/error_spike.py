"""Error spikes: a broken deployment of one controller's action, or an outage of everything."""

from dataclasses import dataclass
from typing import Final

from pipeline.domain.event_time import MICROS, MINUTE
from pipeline.domain.feeds import WEB_LOGS
from pipeline.simulator import chances, routes
from pipeline.simulator.attacks.attack import Moment
from pipeline.simulator.dice import Dice
from pipeline.simulator.journey import Journey
from pipeline.simulator.labels import ANY, AttackLabel, Key, Strength
from pipeline.simulator.person import Person
from pipeline.simulator.request import JobEvent, Request, Route
from pipeline.simulator.walks import browser
from pipeline.simulator.world import World

# A broken deployment answers 500 by itself; an outage is told by the load balancer.
DEPLOY_STATUSES: Final = (500, 500, 500, 502)
OUTAGE_STATUSES: Final = (503, 503, 502, 504)
GATEWAY_TIMEOUT_US: Final = 30 * MICROS


# What fails for everybody fails for tools and quizzes too.
ALSO: Final = ("error_spike", "tool_launch_errors", "quiz_refusals", "live_events_silent")


@dataclass(frozen=True, slots=True)
class ErrorSpike:
    """A kind of error spike.

    `route` None hits every request. `share` of what it hits fails. People who meet it try again
    and again: `victims_per_minute` come on top of the background, at least so many and
    `victims_per_user` of all, so that a small university shows the attack too.
    """

    name: str
    route: Route | None
    share: float
    statuses: tuple[int, ...]
    minutes: float
    local_hour: float
    victims_per_minute: float = 6.0
    victims_per_user: float = 0.003
    strength: Strength = "strong"
    like: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """The rule that finds it."""
        return f"error_spike_5xx_{'instance' if self.route is None else 'controller'}"

    def begin(self, world: World, moment: Moment, dice: Dice) -> "RunningErrorSpike":
        """Prepare the spike."""
        return RunningErrorSpike(self, world, moment, dice)


class RunningErrorSpike:
    """One error spike at work."""

    def __init__(self, kind: ErrorSpike, world: World, moment: Moment, dice: Dice) -> None:
        self.moment = moment
        self._kind = kind
        self._world = world
        self._dice = dice
        self._errors = 0

    def touch(self, request: Request) -> Request:
        """Let a request fail if it is hit; a failed request causes no Live Event."""
        route = self._kind.route
        if not self.moment.holds(request.time_us):
            return request
        if route is not None and request.route.app != route.app:
            return request
        if chances.outage_share(request.id) >= self._kind.share:
            return request
        self._errors += 1
        return self._failed(request)

    def journeys(self) -> list[list[Request]]:
        """Let people come who meet the error and try again."""
        world, dice = self._world, self._dice
        people = [p for p in world.university.people if p.kind == "student"]
        rate = max(self._kind.victims_per_minute, self._kind.victims_per_user * world.config.users)
        length = self.moment.end_us - self.moment.start_us
        journeys = []
        for _ in range(dice.poisson(rate * length / MINUTE)):
            at = self.moment.start_us + int(dice.uniform() * length)
            requests = self._victim(dice.pick(people), at)
            if requests:
                journeys.append(requests)
        return journeys

    def jobs(self) -> list[JobEvent]:
        """Give none: only requests carry it."""
        return []

    def label(self) -> AttackLabel:
        """Say what failed, and how much."""
        route = self._kind.route
        instance = Key("all", "")
        action = Key("controller_action", ANY)
        return AttackLabel(
            name=self._kind.name,
            kind="error_spike",
            rule=self._kind.rule,
            start_us=self.moment.start_us,
            end_us=self.moment.end_us,
            feeds=(WEB_LOGS,),
            keys=(instance,) if route is None else (Key("controller_action", route.app),),
            tolerated=(action,) if route is None else (instance,),
            web_logs=self._errors,
            live_events=0,
            detail=f"{self._kind.share:.0%} of the requests to "
            f"{'everything' if route is None else route.app} fail with a server error.",
            strength=self._kind.strength,
            also=ALSO,
        )

    def _victim(self, person: Person, at: int) -> list[Request]:
        dice = self._dice
        client = browser(person, dice).logged_in(person, dice.hex32())
        journey = Journey(client, at, self.moment.end_us, dice)
        course = dice.pick(person.courses)
        route = self._kind.route or routes.COURSE_HOME
        item = journey.item_of(route, course)
        for _ in range(1 + dice.below(4)):
            if journey.over:
                break
            journey.ask(route, course, item, status=dice.pick(self._kind.statuses))
            journey.pause(9)
        self._errors += len(journey.requests)
        return [self._failed(request) for request in journey.requests]

    def _failed(self, request: Request) -> Request:
        statuses = self._kind.statuses
        status = statuses[chances.delivery_bits(request.id) % len(statuses)]
        duration = GATEWAY_TIMEOUT_US if status == 504 else request.duration_us
        return request._replace(status=status, duration_us=duration, events=())


DEPLOY_FAILS: Final = ErrorSpike(
    name="error-spike",
    route=routes.ASSIGNMENT,
    share=0.8,
    statuses=DEPLOY_STATUSES,
    minutes=10,
    local_hour=10.25,
)
INSTANCE_DOWN: Final = ErrorSpike(
    name="error-spike-instance",
    route=None,
    share=0.75,
    statuses=OUTAGE_STATUSES,
    minutes=6,
    local_hour=14.25,
)
