"""When attacks run: each in an hour of its own, after enough ordinary traffic to compare with."""

from datetime import timedelta
from typing import Final

from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.simulator.attacks import ATTACKS, MORE
from pipeline.simulator.attacks.attack import Attack, AttackKind, Moment
from pipeline.simulator.dice import Dice
from pipeline.simulator.rhythm import LocalDay, is_working_day
from pipeline.simulator.streams import ATTACKS as ATTACK_STREAM
from pipeline.simulator.times import local_date
from pipeline.simulator.world import World

# Usual hours lie further apart than the longest attack and this.
JITTER: Final = 25 * MINUTE
# Of a long run, the first days are for learning.
LEARNING: Final = 7 * 24 * HOUR
# After an attack enough ordinary traffic follows for its end to be seen.
AFTERMATH: Final = 15 * MINUTE


def begin_attacks(world: World, kinds: tuple[AttackKind, ...]) -> list[Attack]:
    """Prepare attacks for their moments; one attack's does not depend on which others run.

    Those of a usual day never overlap; others may meet them, and each other.
    """
    moments = place(world)
    attacks = []
    for kind in kinds:
        if kind in ATTACKS:
            slot = ATTACKS.index(kind)
            moment = moments[slot]
        else:
            slot = len(ATTACKS) + MORE.index(kind)
            moment = _moment_of_its_own(
                world, kind, Dice(world.config.seed, ATTACK_STREAM, slot, 0)
            )
        dice = Dice(world.config.seed, ATTACK_STREAM, slot, 1)
        attacks.append(kind.begin(world, moment, dice))
    return attacks


def _moment_of_its_own(world: World, kind: AttackKind, dice: Dice) -> Moment:
    """Choose the usual hour, or where the run is too short for it, any time in its later part."""
    earliest = earliest_start(world)
    moment = _usual_moment(world, kind, earliest, dice)
    if moment is not None:
        return moment
    length = min(int(kind.minutes * MINUTE), (world.end_us - earliest) // 2)
    return _moment(earliest + int(dice.uniform() * (world.end_us - earliest - length)), length)


def earliest_start(world: World) -> int:
    """Give the instant before which no attack begins: there must be something to compare with."""
    return world.start_us + min((world.end_us - world.start_us) // 4, LEARNING)


def place(world: World) -> list[Moment]:
    """Choose a moment for each of ATTACKS; no two overlap.

    Each has its usual local hour, on a working day if there is one, in the later three quarters
    of the run. Where the run is too short for that, all have slots of equal length instead.
    """
    earliest = earliest_start(world)
    moments = []
    for slot, kind in enumerate(ATTACKS):
        dice = Dice(world.config.seed, ATTACK_STREAM, slot, 0)
        moment = _usual_moment(world, kind, earliest, dice)
        if moment is None:
            return _slots(world, earliest)
        moments.append(moment)
    return moments


def _usual_moment(world: World, kind: AttackKind, earliest: int, dice: Dice) -> Moment | None:
    length = int(kind.minutes * MINUTE)
    jitter = int(dice.uniform() * JITTER)
    starts = []
    day = local_date(world.start_us, world.zone)
    while (start := LocalDay(day, world.zone).at(kind.local_hour) + jitter) < world.end_us:
        if earliest <= start and start + length <= world.end_us - AFTERMATH:
            starts.append(start)
        day += timedelta(days=1)
    if not starts:
        return None
    working = [start for start in starts if is_working_day(local_date(start, world.zone))]
    return _moment(dice.pick(working or starts), length)


def _slots(world: World, earliest: int) -> list[Moment]:
    width = (world.end_us - earliest) // len(ATTACKS)
    moments = []
    for slot, kind in enumerate(ATTACKS):
        length = min(int(kind.minutes * MINUTE), width // 2)
        moments.append(_moment(earliest + slot * width + width // 8, length))
    return moments


def _moment(start_us: int, length: int) -> Moment:
    start_us -= start_us % 1_000
    return Moment(start_us, start_us + length - length % 1_000)
