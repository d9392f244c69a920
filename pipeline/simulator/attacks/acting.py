"""Masquerading in strengths: bursts, writing as others, acting as administrators."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from pipeline.simulator import routes
from pipeline.simulator.attacks import paths
from pipeline.simulator.attacks.drill import DAYTIME, STRENGTHS, Drill, attack
from pipeline.simulator.attacks.masquerade import BURST, Masquerade
from pipeline.simulator.attacks.scene import Scene
from pipeline.simulator.client import Client
from pipeline.simulator.help_desk import become, look_up, stop_acting
from pipeline.simulator.journey import Journey
from pipeline.simulator.person import Person
from pipeline.simulator.request import Route
from pipeline.simulator.user_agents import SCRIPT

# Canvas's own key for tokens that users make themselves.
USER_KEY: Final = 55

BURSTS: Final[tuple[Masquerade, ...]] = tuple(
    replace(BURST, name=f"{BURST.name}.{strength}", targets=targets, strength=strength)
    for strength, targets in zip(STRENGTHS, (8, 18, 40), strict=True)
)


def by_program(scene: Scene) -> None:
    """Read as many people through the API with `as_user_id`: no session, no page of its own."""
    admin = scene.somebody("admin")
    for person, at in zip(
        scene.people("student", scene.size), scene.clock(scene.size), strict=True
    ):
        journey = scene.journey(_program_as(scene, admin, person), at)
        for _ in range(3):
            journey.ask(paths.READ_AS, subject=person)
            scene.pause(journey, 1)
    scene.about("masquerader", admin.user_id)


def grade_as_teacher(scene: Scene) -> None:
    """Give grades as a teacher."""
    actor, teacher = scene.somebody("help_desk"), scene.somebody("teacher")
    course = scene.dice.pick(teacher.courses)
    students = scene.world.university.students_of(course) or scene.people("student", 3)

    def grade(journey: Journey) -> None:
        item = scene.dice.pick(course.items("assignment"))
        subject = scene.dice.pick(students)
        journey.ask(routes.GRADE, course, item, subject=subject, status=200)

    _act_as(scene, actor, teacher, grade)


def submit_as_students(scene: Scene) -> None:
    """Hand in work as one student after the other, through the API of a token."""
    admin = scene.somebody("admin")
    for at in scene.clock(scene.size):
        person = scene.somebody("student")
        journey = scene.journey(_program_as(scene, admin, person), at)
        course = scene.dice.pick(person.courses)
        journey.ask(routes.SUBMIT, course, journey.item_of(routes.SUBMIT, course), status=302)
    scene.about("masquerader", admin.user_id)


def write_as_student(scene: Scene) -> None:
    """Send messages as a student."""
    actor, student = scene.somebody("help_desk"), scene.somebody("student")

    def write(journey: Journey) -> None:
        journey.open((routes.MESSAGE, routes.INBOX_API), None)

    _act_as(scene, actor, student, write)


def act_as_admin(scene: Scene) -> None:
    """Act as an administrator: a help-desk account gains what it must not have."""
    actor, admin = scene.somebody("help_desk"), scene.somebody("admin")

    def look(journey: Journey) -> None:
        journey.open((scene.dice.pick((routes.ACCOUNT, routes.SETTINGS, routes.TERMS)),), None)

    _act_as(scene, actor, admin, look)


def administer_as_admin(scene: Scene) -> None:
    """Change roles and settings as an administrator, from another one's account."""
    one, other = scene.people("admin", 2)

    def change(journey: Journey) -> None:
        route: Route = scene.dice.pick((paths.CHANGED_ROLE, paths.CHANGED_ACCOUNT))
        journey.ask(route, None, 3, status=200)

    _act_as(scene, one, other, change)


def _act_as(scene: Scene, actor: Person, target: Person, step: Callable[[Journey], None]) -> None:
    journey = scene.journey(scene.at_home(actor), scene.moment.start_us)
    look_up(journey, target)
    become(journey, target)
    for at in scene.clock(scene.size):
        journey.at = max(journey.at, at)
        step(journey)
    stop_acting(journey)
    scene.about("masquerader", actor.user_id)


def _program_as(scene: Scene, real: Person, person: Person) -> Client:
    return scene.token(real, USER_KEY, real.home_ip, SCRIPT).acting_as(person)


_ACTING: Final = (
    "masquerade",
    "unknown_developer_key",
    "token_",
    "admin_",
    "course_scraping",
    "session_from",
    "grade",
)

ACTING_ATTACKS: Final[tuple[Drill, ...]] = (
    *attack(
        "masquerade-by-program", by_program, (8, 18, 60), rule="masquerade_burst", minutes=12,
        hours=DAYTIME, also=_ACTING, detail="A token reads as many people.",
    ),
    *attack(
        "masquerade-grades", grade_as_teacher, (5, 18, 60), rule="masqueraded_writes", minutes=20,
        hours=DAYTIME, also=_ACTING, detail="A help-desk account grades as a teacher.",
    ),
    *attack(
        "masquerade-submissions", submit_as_students, (5, 18, 60), rule="masqueraded_writes",
        minutes=20, hours=DAYTIME, also=_ACTING, detail="A token hands in work as students.",
    ),
    *attack(
        "masquerade-messages", write_as_student, (5, 18, 60), rule="masqueraded_writes",
        minutes=20, hours=DAYTIME, also=_ACTING, detail="A help-desk account writes as a student.",
    ),
    *attack(
        "masquerade-as-admin", act_as_admin, (2, 10, 40), rule="masquerade_of_admin",
        minutes=20, hours=DAYTIME, also=_ACTING, detail="A help-desk account acts as an admin.",
    ),
    *attack(
        "masquerade-as-admin-changes", administer_as_admin, (2, 6, 20), rule="masquerade_of_admin",
        minutes=20, hours=DAYTIME, also=_ACTING, detail="One admin changes roles as another.",
    ),
)  # fmt: skip
