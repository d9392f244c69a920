"""API tokens, tools, feeds and scanners: requests without a person at a screen."""

from typing import Final

from pipeline.domain.event_time import MICROS
from pipeline.simulator import routes
from pipeline.simulator.client import Client
from pipeline.simulator.dice import Dice
from pipeline.simulator.journey import Journey
from pipeline.simulator.person import Person
from pipeline.simulator.university import SERVICE_IPS
from pipeline.simulator.user_agents import CALENDAR, GRADE_PASSBACK, SCANNER, SCRIPT, SERVICE
from pipeline.simulator.world import World

SIS_KEY: Final = 56
FIRST_READER_KEY: Final = 60
PASSBACK_KEY: Final = 31

PAGES_PER_READ: Final = 18.0
# A program asks for what it knows to exist.
NOISE: Final = 0.3


def sis_import(world: World, person: Person, at: int, dice: Dice) -> Journey:
    """Simulate the nightly SIS import: post the file, ask how it goes, until it is done."""
    journey = Journey(_token(person, SIS_KEY, None), at, world.end_us, dice)
    batch = 100_000 + at // MICROS % 1_000_000
    journey.ask(routes.SIS_IMPORT, None, batch, status=200)
    for _ in range(15 + dice.below(15)):
        journey.pause(30, 0.1)
        if journey.over:
            return journey
        journey.ask(routes.SIS_STATUS, None, batch, status=200)
    journey.pause(30, 0.1)
    if not journey.over:
        journey.ask(routes.SIS_DONE, None, batch, status=200)
    return journey


def read_run(world: World, person: Person, at: int, dice: Dice) -> Journey:
    """Simulate one run of a reporting script; some keep their cookie, some have no session."""
    number = person.index - world.config.users
    session = dice.hex32() if number % 2 else None
    client = _token(person, FIRST_READER_KEY + number, session)
    journey = Journey(client, at, world.end_us, dice, noise=NOISE)
    read = routes.READ_ENROLLMENTS if number % 3 else routes.READ_SUBMISSIONS
    journey.ask(routes.READ_COURSES, None, 1)
    for _ in range(dice.geometric(PAGES_PER_READ)):
        journey.pause(1.2, 0.5)
        if journey.over:
            break
        journey.ask(read, dice.pick(world.university.courses))
    return journey


def tool_passback(world: World, at: int, dice: Dice) -> Journey:
    """Simulate an LTI tool that sends one grade back: no user, no session."""
    client = Client(
        person=None,
        session=None,
        ip=SERVICE_IPS[9],
        agent=GRADE_PASSBACK,
        developer_key=PASSBACK_KEY,
        http_version="1.1",
    )
    journey = Journey(client, at, world.end_us, dice)
    course = dice.pick(world.university.courses)
    students = world.university.students_of(course)
    if students:
        item = dice.pick(course.items("assignment"))
        journey.ask(routes.PASSBACK, course, item, subject=dice.pick(students))
    return journey


def stray(world: World, at: int, dice: Dice) -> Journey:
    """Simulate what belongs to nobody: calendar feeds, health checks, scanners."""
    kind = dice.uniform()
    if kind < 0.55:
        agent, ip, route = CALENDAR, SERVICE_IPS[20 + dice.below(6)], routes.CALENDAR_FEED
    elif kind < 0.9:
        agent, ip, route = SERVICE, SERVICE_IPS[1], routes.HEALTH
    else:
        agent, ip, route = SCANNER, SERVICE_IPS[100 + dice.below(100)], routes.NOWHERE
    client = Client(person=None, session=None, ip=ip, agent=agent, http_version="1.1")
    journey = Journey(client, at, world.end_us, dice)
    journey.ask(route, None, dice.below(world.config.users))
    return journey


def _token(person: Person, key: int, session: str | None) -> Client:
    return Client(
        person=person,
        session=session,
        ip=SERVICE_IPS[key % len(SERVICE_IPS)],
        agent=SCRIPT,
        developer_key=key,
        http_version="1.1",
    )
