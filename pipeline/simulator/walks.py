"""How people use Canvas: log in, read in bursts, pause, go on, perhaps log out."""

from typing import Final

from pipeline.domain.event_time import HOUR, MICROS, MINUTE
from pipeline.simulator import routes
from pipeline.simulator.client import Client
from pipeline.simulator.dice import Dice
from pipeline.simulator.journey import Journey
from pipeline.simulator.pages import ADMIN, PHONE, STUDENT_DAY, STUDENT_EVENING, TEACHER, PageMix
from pipeline.simulator.person import Course, Person
from pipeline.simulator.times import local_hour
from pipeline.simulator.university import CAMPUS_IPS, University
from pipeline.simulator.world import World

_MIXES: Final = {"teacher": TEACHER, "admin": ADMIN, "help_desk": ADMIN, "service": ADMIN}

PAGES_PER_BURST: Final = 20.0
PAGES_PER_PHONE_BURST: Final = 16.0
# A cookie lives a day from its last use; nobody is simulated longer.
LONGEST_SESSION: Final = 20 * HOUR


def walk(world: World, person: Person, at: int, dice: Dice) -> Journey:
    """Simulate one use of Canvas by a person, with browser or phone."""
    if person.mobile_agent is not None and dice.chance(0.35):
        return _phone(world, person, at, dice)
    journey = Journey(browser(person, dice), at, world.end_us, dice)
    arrive(journey, person)
    bursts = dice.geometric(1.45)
    for burst in range(bursts):
        if burst:
            _leave_for_a_while(journey)
        if journey.over or journey.at - at > LONGEST_SESSION:
            break
        mix = _mix(world, person, journey.at)
        _read(journey, mix, person, dice.geometric(PAGES_PER_BURST), world.university)
    if dice.chance(0.12) and not journey.over:
        journey.ask(routes.LOGOUT, status=302)
    return journey


def browser(person: Person, dice: Dice) -> Client:
    """Give a person's browser, not logged in yet; nearly a third sit behind the campus network."""
    ip = dice.pick(CAMPUS_IPS) if dice.chance(0.3) else person.home_ip
    return Client(
        person=None,
        session=dice.hex32(),
        ip=ip,
        agent=person.desktop_agent,
        http_version="2.0" if dice.chance(0.95) else "1.1",
    )


def arrive(journey: Journey, person: Person) -> None:
    """Log in by form or single sign-on, or come back with a cookie."""
    dice = journey.dice
    way = dice.uniform()
    if way >= 0.70:
        journey.client = journey.client.logged_in(person, dice.hex32())
        return
    if way < 0.30:
        journey.ask(routes.LOGIN_FORM)
        journey.pause(8)
        while dice.chance(0.09) and not journey.over:
            journey.ask(routes.LOGIN, status=400)
            journey.pause(7)
    if journey.over:
        return
    journey.client = journey.client.logged_in(person, dice.hex32())
    journey.ask(routes.LOGIN if way < 0.30 else routes.LOGIN_SAML, status=302)
    journey.at += 300_000


def _mix(world: World, person: Person, at: int) -> PageMix:
    if person.kind != "student":
        return _MIXES[person.kind]
    return STUDENT_EVENING if local_hour(at, world.zone) >= 19 else STUDENT_DAY


def _read(
    journey: Journey, mix: PageMix, person: Person, pages: int, university: University
) -> None:
    dice = journey.dice
    course: Course | None = None
    for _ in range(pages):
        if journey.over:
            return
        if course is None or dice.chance(0.2):
            course = dice.pick(person.courses or university.courses)
            _choose_subjects(journey, person, course, university)
        journey.open(mix.draw(dice), course)
        journey.pause(24, 1.0)


def _choose_subjects(
    journey: Journey, person: Person, course: Course, university: University
) -> None:
    if person.kind == "teacher":
        journey.subjects = university.students_of(course)
    elif person.kind != "student":
        journey.subjects = university.people


def _leave_for_a_while(journey: Journey) -> None:
    """Pause under the same session id; four in ten pauses are long enough to cut a session."""
    dice = journey.dice
    if dice.chance(0.04):
        journey.at += int((6 + 5 * dice.uniform()) * HOUR)
    else:
        journey.at += int(dice.log_normal(22, 0.9) * MINUTE)
    if dice.chance(0.03) and journey.client.person is not None:
        journey.client = journey.client.moved_to(dice.pick(CAMPUS_IPS))


def _phone(world: World, person: Person, at: int, dice: Dice) -> Journey:
    """Use the app: API calls with the app's developer key; web views share the session."""
    with_session = dice.chance(0.7)
    client = Client(
        person=person,
        session=dice.hex32() if with_session else None,
        ip=person.home_ip,
        agent=person.mobile_agent,
        developer_key=person.mobile_key,
    )
    journey = Journey(client, at, world.end_us, dice)
    for burst in range(dice.geometric(1.6)):
        if burst:
            journey.at += int(dice.log_normal(15, 1.0) * MINUTE)
            if dice.chance(0.06):
                journey.client = client.moved_to(dice.pick(CAMPUS_IPS))
        for _ in range(dice.geometric(PAGES_PER_PHONE_BURST)):
            if journey.over:
                return journey
            journey.open(PHONE.draw(dice), dice.pick(person.courses))
            journey.at += int(dice.log_normal(12, 0.9) * MICROS)
    return journey
