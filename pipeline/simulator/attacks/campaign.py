"""Campaigns: many drills over weeks, for those who evaluate.

No attack runs at the same time as anything else that is staged. Look-alikes run beside each other,
as ordinary life does: apart, a month of office hours would have no room for half of them.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.simulator.attacks.attack import Attack, AttackKind, Moment
from pipeline.simulator.attacks.drill import Hours
from pipeline.simulator.dice import Dice
from pipeline.simulator.rhythm import LocalDay, is_working_day
from pipeline.simulator.streams import CAMPAIGN
from pipeline.simulator.times import local_date
from pipeline.simulator.world import World

BETWEEN: Final = 20 * MINUTE
TRIES: Final = 400


def stage(world: World, parts: Sequence[tuple[int, Sequence[AttackKind]]]) -> list[Attack]:
    """Place attacks on random working days, each in its hours.

    A part has an instant before which none of its attacks begins. An attack is at least `BETWEEN`
    apart from everything else, a look-alike from attacks and from what is like it; one for
    which no room is found in `TRIES` draws is left out. The same kind may be given more than once.
    What is placed first has most room: of each part, the long ones.
    """
    taken: list[tuple[AttackKind, Moment]] = []
    attacks = []
    for part, (earliest_us, kinds) in enumerate(parts):
        for number in sorted(range(len(kinds)), key=lambda place: -kinds[place].minutes):
            kind = kinds[number]
            dice = Dice(world.config.seed, CAMPAIGN, part, number, 0)
            kept = [at for other, at in taken if not _side_by_side(kind, other)]
            moment = _free_moment(world, kind, earliest_us, dice, kept)
            if moment is not None:
                taken.append((kind, moment))
                own = Dice(world.config.seed, CAMPAIGN, part, number, 1)
                attacks.append(kind.begin(world, moment, own))
    return attacks


def _free_moment(
    world: World, kind: AttackKind, earliest_us: int, dice: Dice, taken: list[Moment]
) -> Moment | None:
    first, last = hours_of(kind)
    length = int(kind.minutes * MINUTE)
    days = _working_days(world, earliest_us)
    for _ in range(TRIES if days else 0):
        hour = first + dice.uniform() * (last - first)
        start = dice.pick(days).at(hour)
        start -= start % 1_000
        moment = Moment(start, start + length)
        inside = earliest_us <= start and moment.end_us <= world.end_us - HOUR
        if inside and all(_apart(moment, other) for other in taken):
            return moment
    return None


def hours_of(kind: AttackKind) -> Hours:
    """Give the local hours between which an attack begins."""
    hours: Hours = getattr(kind, "hours", (kind.local_hour, kind.local_hour + 1))
    return hours


def _working_days(world: World, earliest_us: int) -> list[LocalDay]:
    day = local_date(earliest_us, world.zone)
    days = []
    while day <= local_date(world.end_us - 1, world.zone):
        if is_working_day(day):
            days.append(LocalDay(day, world.zone))
        day += timedelta(days=1)
    return days


def _side_by_side(one: AttackKind, other: AttackKind) -> bool:
    """Whether two may run at the same time: look-alikes that resemble different things.

    Others would make one story together: a course that one opens again, another concludes.
    """
    return not one.rule and not other.rule and not set(one.like) & set(other.like)


def _apart(one: Moment, other: Moment) -> bool:
    return one.end_us + BETWEEN <= other.start_us or other.end_us + BETWEEN <= one.start_us
