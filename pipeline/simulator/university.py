"""The population: who there is, in which courses, with which devices."""

from dataclasses import dataclass
from typing import Final

from pipeline.simulator.config import SimulationConfig
from pipeline.simulator.dice import Dice
from pipeline.simulator.instance import FOREIGN_SHARD, MOBILE_KEY_IDS, SHARD_SIZE
from pipeline.simulator.person import Course, Kind, Person
from pipeline.simulator.streams import POPULATION
from pipeline.simulator.user_agents import DESKTOP, PHONES

STUDENTS_PER_COURSE: Final = 32
COURSES_PER_STUDENT: Final = 4
# People of a trusted institution who study here: their ids are global everywhere.
FOREIGN_SHARE: Final = 0.01
CAMPUS_IPS: Final = tuple(f"198.51.100.{n}" for n in range(1, 9))
SERVICE_IPS: Final = tuple(f"192.0.2.{n}" for n in range(1, 255))

# Sessions on an ordinary weekday. Help desk and services keep their own hours.
_SESSIONS: Final[dict[Kind, float]] = {"student": 2.6, "teacher": 3.0, "admin": 2.2}


@dataclass(frozen=True, slots=True)
class University:
    """Everybody, by role, and the courses."""

    people: tuple[Person, ...]
    courses: tuple[Course, ...]
    services: tuple[Person, ...]

    def of_kind(self, kind: Kind) -> tuple[Person, ...]:
        """Give the people of one role, in order."""
        return tuple(person for person in self.people if person.kind == kind)

    def students_of(self, course: Course) -> list[Person]:
        """Give the people enrolled in a course."""
        return [self.people[i] for i in course.students]


def build_university(config: SimulationConfig) -> University:
    """Make the population that a configuration describes."""
    dice = Dice(config.seed, POPULATION)
    kinds = _kinds(config.users)
    courses = _courses(kinds, dice)
    enrolled = _enrol(kinds, courses, dice)
    first_id = 1_000 + dice.below(4_000)
    people = tuple(
        _person(config, dice, kind, number=(index, first_id), courses=tuple(enrolled[index]))
        for index, kind in enumerate(kinds)
    )
    services = tuple(
        _person(config, dice, "service", number=(config.users + n, first_id), courses=())
        for n in range(1 + readers(config.users))
    )
    return University(people, courses, services)


def readers(users: int) -> int:
    """Give how many API tokens read the instance all day long."""
    return max(1, users // 500)


def _kinds(users: int) -> list[Kind]:
    help_desk = max(1, users // 700)
    admins = max(2, users // 500)
    teachers = max(2, users // 20)
    counts: tuple[tuple[Kind, int], ...] = (
        ("admin", admins),
        ("help_desk", help_desk),
        ("teacher", teachers),
        ("student", users - admins - help_desk - teachers),
    )
    return [kind for kind, count in counts for _ in range(count)]


def _courses(kinds: list[Kind], dice: Dice) -> tuple[Course, ...]:
    students = kinds.count("student")
    count = max(3, students * COURSES_PER_STUDENT // STUDENTS_PER_COURSE)
    first_id = 100 + dice.below(900)
    return tuple(Course(n, first_id, 10 + dice.below(12)) for n in range(count))


def _enrol(kinds: list[Kind], courses: tuple[Course, ...], dice: Dice) -> list[list[Course]]:
    enrolled: list[list[Course]] = [[] for _ in kinds]
    teachers = [i for i, kind in enumerate(kinds) if kind == "teacher"]
    for number, course in enumerate(courses):
        teacher = teachers[number % len(teachers)]
        course.teachers.append(teacher)
        enrolled[teacher].append(course)
    for index, kind in enumerate(kinds):
        if kind == "student":
            for course in dice.sample(courses, COURSES_PER_STUDENT):
                course.students.append(index)
                enrolled[index].append(course)
    # A teacher without a course of his own helps in one.
    for teacher in teachers:
        if not enrolled[teacher]:
            course = dice.pick(courses)
            course.teachers.append(teacher)
            enrolled[teacher].append(course)
    return enrolled


def _person(
    config: SimulationConfig,
    dice: Dice,
    kind: Kind,
    *,
    number: tuple[int, int],
    courses: tuple[Course, ...],
) -> Person:
    index, first_id = number
    user_id = first_id + index
    if kind == "student" and dice.chance(FOREIGN_SHARE):
        user_id += FOREIGN_SHARD * SHARD_SIZE
    phone = "ios" if dice.chance(0.6) else "android"
    has_phone = kind in ("student", "teacher") and dice.chance(0.75)
    scale = config.requests_per_user_day / 150.0
    return Person(
        index=index,
        kind=kind,
        user_id=user_id,
        home_ip=_home_ip(dice),
        desktop_agent=dice.pick(DESKTOP),
        mobile_agent=PHONES[phone] if has_phone else None,
        mobile_key=MOBILE_KEY_IDS[phone] if has_phone else None,
        courses=courses,
        # 0.88 keeps the mean: a log-normal of sigma 0.5 has mean 1.13.
        sessions_per_day=_SESSIONS.get(kind, 0.0) * scale * dice.log_normal(0.88, 0.5),
    )


def _home_ip(dice: Dice) -> str:
    if dice.chance(0.12):
        return f"2001:db8::{dice.below(65536):x}:{1 + dice.below(65535):x}"
    # The carrier-grade range 100.64.0.0/10: big enough, and nobody's own.
    return f"100.{64 + dice.below(64)}.{dice.below(256)}.{1 + dice.below(254)}"
