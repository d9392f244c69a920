"""Who begins what and when: one day's plan, and plans in the order of time."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from typing import Final, NamedTuple

from pipeline.domain.event_time import HOUR, MICROS, MINUTE
from pipeline.simulator.dice import Dice
from pipeline.simulator.help_desk import SHIFT, shift
from pipeline.simulator.journey import Journey
from pipeline.simulator.labels import Key, LookAlike
from pipeline.simulator.person import Person
from pipeline.simulator.programs import read_run, sis_import, stray, tool_passback
from pipeline.simulator.quiz import sit_quiz
from pipeline.simulator.rhythm import LocalDay, is_working_day, weekday_share
from pipeline.simulator.streams import PLANS
from pipeline.simulator.times import local_date
from pipeline.simulator.walks import walk
from pipeline.simulator.world import World

# Journeys begun this long before the start are walked too, so that the first minutes are as
# busy as any.
WARM_UP: Final = 2 * HOUR
READ_EVERY: Final = 15 * MINUTE
COURSES_PER_QUIZ: Final = 80
SIS_HOUR: Final = 2.0
QUIZ_ATTENDANCE: Final = 0.9


class Planned(NamedTuple):
    """Something that begins at an instant; `begin` walks it with the dice it is given."""

    at: int
    begin: Callable[[Dice], Journey]


class DayPlan(NamedTuple):
    """A local day: what begins (in the order of time), imports, and what looks like an attack."""

    planned: list[Planned]
    sis_imports: list[int]
    look_alikes: list[LookAlike]


def plans(world: World) -> Iterator[DayPlan]:
    """Plan day after day, from the warm-up to the end."""
    day = local_date(world.start_us - SHIFT, world.zone)
    last = local_date(world.end_us - 1, world.zone)
    while day <= last:
        yield plan_day(world, day)
        day += timedelta(days=1)


def plan_day(world: World, day: date) -> DayPlan:
    """Plan one local day; the same day has the same plan in every run of the seed."""
    dice = Dice(world.config.seed, PLANS, day.toordinal())
    local = LocalDay(day, world.zone)
    plan = DayPlan([], [], [])
    _plan_people(world, local, dice, plan)
    _plan_programs(world, local, dice, plan)
    if is_working_day(day):
        _plan_help_desk(world, local, dice, plan)
        _plan_quizzes(world, local, dice, plan)
    plan.planned.sort(key=lambda planned: planned.at)
    return plan


def _add(world: World, plan: DayPlan, at: int, begin: Callable[[Dice], Journey]) -> None:
    if world.start_us - WARM_UP <= at < world.end_us:
        plan.planned.append(Planned(at, begin))


def _plan_people(world: World, local: LocalDay, dice: Dice, plan: DayPlan) -> None:
    share = weekday_share(local.day)
    for person in world.university.people:
        if person.sessions_per_day > 0:
            for _ in range(dice.poisson(person.sessions_per_day * share)):
                at = local.draw_by_people(dice)
                _add(world, plan, at, partial(walk, world, person, at))


def _plan_programs(world: World, local: LocalDay, dice: Dice, plan: DayPlan) -> None:
    importer, *reading = world.university.services
    at = local.at(SIS_HOUR) + int(dice.uniform() * 5 * MINUTE)
    _add(world, plan, at, partial(sis_import, world, importer, at))
    if world.start_us <= at < world.end_us:
        plan.sis_imports.append(at)
        plan.look_alikes.append(
            LookAlike("sis_import", at, at + 20 * MINUTE, Key("actor", str(importer.user_id)))
        )
    for service in reading:
        first = local.at(0) + int(dice.uniform() * READ_EVERY)
        for run in range(24 * HOUR // READ_EVERY):
            at = first + run * READ_EVERY
            _add(world, plan, at, partial(read_run, world, service, at))
    users = world.config.users
    for _ in range(dice.poisson(users * 0.6 * weekday_share(local.day))):
        at = local.draw_by_people(dice)
        _add(world, plan, at, partial(tool_passback, world, at))
    for _ in range(dice.poisson(users * 1.2)):
        at = local.draw_evenly(dice)
        _add(world, plan, at, partial(stray, world, at))


def _plan_help_desk(world: World, local: LocalDay, dice: Dice, plan: DayPlan) -> None:
    for person in world.university.of_kind("help_desk"):
        at = local.at(8.25) + int(dice.uniform() * 90 * MINUTE)
        # A shift under way at the start is walked from its beginning.
        if world.start_us - SHIFT <= at < world.end_us:
            plan.planned.append(Planned(at, partial(shift, world, person, at)))
            plan.look_alikes.append(_shift_note(person, at))


def _shift_note(person: Person, at: int) -> LookAlike:
    return LookAlike("help_desk", at, at + SHIFT + HOUR, Key("masquerader", str(person.user_id)))


def _plan_quizzes(world: World, local: LocalDay, dice: Dice, plan: DayPlan) -> None:
    courses = world.university.courses
    for course in dice.sample(courses, max(1, len(courses) // COURSES_PER_QUIZ)):
        # On the hour, as classes begin.
        at = local.at(9 + dice.below(8))
        if not course.students or not world.start_us <= at < world.end_us:
            continue
        plan.look_alikes.append(
            LookAlike("quiz_start", at, at + 60 * MINUTE, Key("course", str(course.id)))
        )
        for person in world.university.students_of(course):
            if dice.chance(QUIZ_ATTENDANCE):
                begin = partial(sit_quiz, world, person, course, at + MICROS)
                _add(world, plan, at, begin)
