"""Drills: attacks in three strengths, and benign traffic that resembles them, acted on a scene."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pipeline.domain.feeds import LIVE_EVENTS, WEB_LOGS
from pipeline.simulator.attacks.attack import Moment
from pipeline.simulator.attacks.scene import Scene
from pipeline.simulator.dice import Dice
from pipeline.simulator.labels import ANY, AttackLabel, Key, LookAlike, Strength
from pipeline.simulator.request import JobEvent, Request
from pipeline.simulator.world import World

Hours = tuple[float, float]

OFFICE: Final[Hours] = (9.0, 17.0)
DAYTIME: Final[Hours] = (8.5, 21.0)
NIGHT: Final[Hours] = (1.0, 4.0)
STRENGTHS: Final[tuple[Strength, ...]] = ("weak", "middle", "strong")
ANY_HOUR: Final[Hours] = (0.5, 22.0)


@dataclass(frozen=True, slots=True)
class Drill:
    """One kind and strength of attack; without a rule: a benign look-alike.

    `rule` finds it; alerts of the rules in `also` have the same cause and are not false. A
    look-alike resembles what the rules in `like` are for, and none of them may tell it. It
    begins between `hours` of the local day and lasts `minutes`; `size` says how much of it there
    is.
    """

    kind: str
    strength: Strength
    rule: str
    also: tuple[str, ...]
    minutes: float
    hours: Hours
    size: int
    detail: str
    act: Callable[[Scene], None]
    like: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name by which it is chosen."""
        return f"{self.kind}.{self.strength}" if self.rule else self.kind

    @property
    def local_hour(self) -> float:
        """Earliest local time of day at which it begins, in hours."""
        return self.hours[0]

    def begin(self, world: World, moment: Moment, dice: Dice) -> "RunningDrill":
        """Act the drill out for a moment."""
        return RunningDrill(self, Scene(world, moment, dice, self.size))


class RunningDrill:
    """One drill at work: acted out at once, so that its label is complete from the start."""

    def __init__(self, drill: Drill, scene: Scene) -> None:
        self.drill = drill
        self.moment = scene.moment
        self._scene = scene
        drill.act(scene)
        self._requests = scene.requests()

    def touch(self, request: Request) -> Request:
        """Give a background request as it comes out while the drill runs."""
        change = self._scene.change
        if change is None or not self.moment.holds(request.time_us):
            return request
        return change(request)

    def journeys(self) -> list[list[Request]]:
        """Give the requests that exist only because of the drill."""
        return self._requests

    def jobs(self) -> list[JobEvent]:
        """Give the job events that exist only because of the drill."""
        return [job for job in self._scene.jobs if self.moment.holds(job.time_us)]

    def label(self) -> AttackLabel | LookAlike:
        """Say what was injected."""
        drill, moment = self.drill, self.moment
        keys = tuple(self._scene.keys) or (Key(ANY, ANY),)
        if not drill.rule:
            return LookAlike(drill.kind, *moment, keys[0])
        rows = [request for requests in self._requests for request in requests]
        return AttackLabel(
            name=drill.name,
            kind=drill.kind,
            rule=drill.rule,
            start_us=moment.start_us,
            end_us=moment.end_us,
            feeds=(WEB_LOGS, LIVE_EVENTS),
            keys=keys,
            tolerated=(),
            web_logs=len(rows),
            live_events=sum(len(row.events) for row in rows) + len(self.jobs()),
            detail=drill.detail,
            strength=drill.strength,
            also=drill.also,
        )


def attack(
    kind: str,
    act: Callable[[Scene], None],
    sizes: tuple[int, int, int],
    *,
    rule: str,
    minutes: float | tuple[float, float, float],
    detail: str,
    also: tuple[str, ...] = (),
    hours: Hours = DAYTIME,
) -> tuple[Drill, ...]:
    """Give an attack weak, middle and strong."""
    lengths = minutes if isinstance(minutes, tuple) else (minutes, minutes, minutes)
    return tuple(
        Drill(kind, strength, rule, also, length, hours, size, detail, act)
        for strength, size, length in zip(STRENGTHS, sizes, lengths, strict=True)
    )


def look_alike(
    kind: str,
    act: Callable[[Scene], None],
    size: int,
    *,
    like: tuple[str, ...],
    minutes: float,
    detail: str,
    hours: Hours = OFFICE,
) -> Drill:
    """Give benign traffic that resembles what some rules are for."""
    return Drill(kind, "middle", "", (), minutes, hours, size, detail, act, like)
