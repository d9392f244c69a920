"""What every attack is: an interval, what it does to the background, what it adds."""

from typing import NamedTuple, Protocol

from pipeline.simulator.dice import Dice
from pipeline.simulator.labels import AttackLabel, LookAlike
from pipeline.simulator.request import JobEvent, Request
from pipeline.simulator.world import World


class Moment(NamedTuple):
    """When an attack runs."""

    start_us: int
    end_us: int

    def holds(self, time_us: int) -> bool:
        """Whether an instant is within."""
        return self.start_us <= time_us < self.end_us


class Attack(Protocol):
    """An attack at work. It counts what it does; the label is complete after the last request."""

    moment: Moment

    def touch(self, request: Request) -> Request:
        """Give a background request as it comes out while the attack runs."""

    def journeys(self) -> list[list[Request]]:
        """Give the requests that exist only because of the attack, in `moment`."""

    def jobs(self) -> list[JobEvent]:
        """Give the events of background jobs that the attack causes, in `moment`."""

    def label(self) -> AttackLabel | LookAlike:
        """Say what was injected; a look-alike is no attack."""


class AttackKind(Protocol):
    """A way to attack: its name, usual length and hour, and how to begin it."""

    @property
    def name(self) -> str:
        """Name by which it is chosen."""

    @property
    def rule(self) -> str:
        """The rule that finds it; empty: a look-alike, which none may find."""

    @property
    def like(self) -> tuple[str, ...]:
        """The rules whose attacks a look-alike resembles."""

    @property
    def minutes(self) -> float:
        """How long it usually lasts."""

    @property
    def local_hour(self) -> float:
        """Earliest local time of day at which it usually begins, in hours."""

    def begin(self, world: World, moment: Moment, dice: Dice) -> Attack:
        """Prepare the attack for a moment."""
