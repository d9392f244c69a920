"""Attacks on what is recorded: grades, courses, and the registrar's import."""

from typing import Final

from pipeline.simulator import routes
from pipeline.simulator.attacks import paths
from pipeline.simulator.attacks.drill import DAYTIME, OFFICE, Drill, attack
from pipeline.simulator.attacks.scene import Scene, note, tell
from pipeline.simulator.client import Client
from pipeline.simulator.events import course_updated, grade_change
from pipeline.simulator.instance import global_id
from pipeline.simulator.jobs import SIS_TAG, enrollment
from pipeline.simulator.journey import Journey
from pipeline.simulator.person import Course, Person
from pipeline.simulator.request import Audit, JobEvent, LiveEvent, Route
from pipeline.simulator.times import iso_s
from pipeline.simulator.university import SERVICE_IPS
from pipeline.simulator.user_agents import SCRIPT

POINTS: Final = 20


def change_grades(scene: Scene) -> None:
    """Change old grades of many students, up and down, in the gradebook."""
    teacher = scene.somebody("teacher")
    _regrade(scene, scene.at_home(teacher), teacher, routes.GRADE_IN_BOOK, students=30, up=False)


def change_grades_by_program(scene: Scene) -> None:
    """Change old grades through the API with a teacher's token, from elsewhere."""
    teacher = scene.somebody("teacher")
    client = scene.token(teacher, 55, scene.stranger_ip(), SCRIPT)
    _regrade(scene, client, teacher, routes.GRADE, students=30, up=False)


def raise_friends(scene: Scene) -> None:
    """Raise the grades of three students over several assignments."""
    teacher = scene.somebody("teacher")
    _regrade(scene, scene.at_home(teacher), teacher, routes.GRADE_IN_BOOK, students=3, up=True)


def raise_from_elsewhere(scene: Scene) -> None:
    """Raise grades in a teacher's account from a student's network."""
    teacher = scene.somebody("teacher")
    client = scene.at_home(teacher).moved_to(scene.somebody("student").home_ip)
    _regrade(scene, client, teacher, routes.GRADE, students=5, up=True)


def delete_courses(scene: Scene) -> None:
    """Delete courses one after the other, with an administrator's account."""
    _change_courses(scene, scene.somebody("admin"), paths.DELETED_COURSE, "deleted")


def reset_courses(scene: Scene) -> None:
    """Reset courses: each is deleted, and an empty one takes its place."""
    _change_courses(scene, scene.somebody("admin"), paths.RESET_COURSE, "deleted")


def close_courses(scene: Scene) -> None:
    """Conclude courses in mid-term, with an administrator's account."""
    closer, mender = scene.people("admin", 2)
    closed = _change_courses(scene, closer, paths.CHANGED_COURSE, "completed", share=0.8)
    # Who notices opens them again, and people go on with their courses.
    start, end = scene.moment
    journey = scene.journey(scene.at_home(mender), start)
    for number, course in enumerate(closed):
        journey.at = start + int((0.85 + 0.1 * number / len(closed)) * (end - start))
        change_course(journey, course, paths.CHANGED_COURSE, "available")


def open_courses(scene: Scene) -> None:
    """Make courses public one after the other, with an administrator's account."""
    admin = scene.somebody("admin")
    _open_courses(scene, scene.at_home(admin), admin)


def open_courses_by_program(scene: Scene) -> None:
    """Make courses public through the API, with an administrator's token, from elsewhere."""
    admin = scene.somebody("admin")
    _open_courses(scene, scene.token(admin, 55, scene.stranger_ip(), SCRIPT), admin)


def delete_enrolments(scene: Scene) -> None:
    """Let an import take away enrolments: batch mode with half of the file missing."""
    _import(scene)
    for at in scene.clock(scene.size):
        when = at - at % 1_000
        body = enrollment(scene.world, when, scene.dice, "deleted")
        scene.jobs.append(JobEvent(when, "enrollment_updated", body, "1000000000000077", SIS_TAG))


def delete_users(scene: Scene) -> None:
    """Let an import take away people."""
    _import(scene)
    for at in scene.clock(scene.size):
        when = at - at % 1_000
        body = _user(scene.somebody("student"), when)
        scene.jobs.append(JobEvent(when, "user_updated", body, "1000000000000078", SIS_TAG))


def _regrade(
    scene: Scene, client: Client, teacher: Person, route: Route, *, students: int, up: bool
) -> None:
    dice = scene.dice
    course = dice.pick(teacher.courses)
    graded = dice.sample(scene.world.university.students_of(course), students)
    journey = scene.journey(client, scene.moment.start_us)
    for at in scene.clock(scene.size if graded else 0):
        journey.at = at
        student, item = dice.pick(graded), dice.pick(course.items("assignment"))
        old = 4 + dice.below(9)
        score = min(POINTS, old + 5 + dice.below(5)) if up else dice.below(POINTS + 1)
        journey.ask(route, course, item, subject=student, status=200)
        tell(journey, grade_change(teacher, item, student, old, score))
    scene.about("grader", teacher.user_id)


def _change_courses(
    scene: Scene, admin: Person, route: Route, state: str, share: float = 1.0
) -> list[Course]:
    """Change courses in the first `share` of the moment; return them."""
    start = scene.moment.start_us
    journey = scene.journey(scene.at_home(admin), start)
    courses = scene.dice.sample(scene.world.university.courses, scene.size)
    for course, at in zip(courses, scene.clock(len(courses)), strict=True):
        journey.at = start + int((at - start) * share)
        change_course(journey, course, route, state)
    scene.about("course_changer", admin.user_id)
    return courses


def change_course(journey: Journey, course: Course, route: Route, state: str) -> None:
    """Ask for a change of a course's state; the event says the state it has then."""
    journey.ask(route, course, course.id, status=route.status)
    tell(journey, LiveEvent("course_updated", course_updated(course, journey.at, state)))
    if route is paths.RESET_COURSE:
        new = course.id + _NEW_COURSE
        note(
            journey,
            Audit("reset_to", course.id, link=f',"reset_to":{new}'),
            Audit("reset_from", new, link=f',"reset_from":{course.id}'),
        )
    else:
        note(journey, Audit(_NOTED[state], course.id))


_NOTED: Final = {
    "deleted": "deleted",
    "completed": "concluded",
    "claimed": "claimed",
    "available": "unconcluded",
}
"""What the Course Audit log calls a state."""
_NEW_COURSE: Final = 500_000


def open_course(journey: Journey, course: Course) -> None:
    """Ask for a course to be public; only the Course Audit log says so."""
    journey.ask(paths.CHANGED_COURSE, course, course.id, status=200)
    tell(journey, LiveEvent("course_updated", course_updated(course, journey.at, "available")))
    note(journey, Audit("updated", course.id, '{"is_public":[false,true]}'))


def _open_courses(scene: Scene, client: Client, admin: Person) -> None:
    journey = scene.journey(client, scene.moment.start_us)
    courses = scene.dice.sample(scene.world.university.courses, scene.size)
    for course, at in zip(courses, scene.clock(len(courses)), strict=True):
        journey.at = at
        open_course(journey, course)
    scene.about("audit_change", f"made_public#{admin.user_id}")


def _import(scene: Scene) -> None:
    """Post a file as the importer does, and see it through."""
    importer = scene.world.university.services[0]
    client = scene.token(importer, 56, SERVICE_IPS[56], SCRIPT)
    journey = scene.journey(client, scene.moment.start_us)
    journey.ask(routes.SIS_IMPORT, None, 700_000 + scene.dice.below(90_000), status=200)
    for _ in range(12):
        journey.pause(40, 0.1)
        journey.ask(routes.SIS_STATUS, None, 700_000, status=200)
    journey.ask(routes.SIS_DONE, None, 700_000, status=200)


def _user(person: Person, at: int) -> str:
    return (
        f'{{"created_at":"2025-08-01T08:00:00Z","name":"Person {person.index}"'
        f',"short_name":"Person {person.index}","updated_at":"{iso_s(at)}"'
        f',"user_id":"{global_id(person.user_id)}","user_login":"{person.login}"'
        f',"user_sis_id":"S{person.index:06d}","uuid":"ExampleUserUuid{person.index:025d}"'
        f',"workflow_state":"deleted"}}'
    )


_GRADES: Final = ("grade", "unknown_developer_key", "token_", "session_from")
_COURSES: Final = ("course_", "admin_", "grades_after")
_OPENED: Final = (*_COURSES, "token_", "unknown_developer_key")
_SIS: Final = ("sis_",)

RECORD_ATTACKS: Final[tuple[Drill, ...]] = (
    *attack(
        "grades-changed", change_grades, (15, 80, 250), rule="grade_burst", minutes=20,
        hours=DAYTIME, also=_GRADES, detail="One teacher's account changes many old grades.",
    ),
    *attack(
        "grades-changed-by-program", change_grades_by_program, (15, 80, 250), rule="grade_burst",
        minutes=20, hours=DAYTIME, also=_GRADES, detail="A teacher's token changes old grades.",
    ),
    *attack(
        "grades-raised", raise_friends, (4, 15, 40), rule="grades_up_only", minutes=30,
        hours=DAYTIME, also=_GRADES, detail="Few students' old grades are raised, none lowered.",
    ),
    *attack(
        "grades-raised-from-elsewhere", raise_from_elsewhere, (4, 15, 40), rule="grades_up_only",
        minutes=30, hours=DAYTIME, also=_GRADES,
        detail="Old grades are raised in a teacher's account from a student's network.",
    ),
    *attack(
        "courses-deleted", delete_courses, (3, 10, 25), rule="course_destruction", minutes=20,
        hours=OFFICE, also=_COURSES, detail="An administrator's account deletes courses.",
    ),
    *attack(
        "courses-reset", reset_courses, (3, 10, 25), rule="course_destruction", minutes=20,
        hours=OFFICE, also=_COURSES, detail="An administrator's account resets courses.",
    ),
    *attack(
        "courses-concluded", close_courses, (3, 10, 25), rule="course_destruction", minutes=20,
        hours=OFFICE, also=_COURSES, detail="Courses are concluded in mid-term.",
    ),
    *attack(
        "courses-opened", open_courses, (2, 10, 25), rule="course_made_public", minutes=30,
        hours=OFFICE, also=_COURSES, detail="An administrator's account makes courses public.",
    ),
    *attack(
        "courses-opened-by-program", open_courses_by_program, (2, 10, 25),
        rule="course_made_public", minutes=30, hours=DAYTIME, also=_OPENED,
        detail="A program with an administrator's token makes courses public.",
    ),
    *attack(
        "sis-enrolments-deleted", delete_enrolments, (20, 120, 600), rule="sis_deletes", minutes=15,
        hours=(2.0, 5.0), also=_SIS, detail="An import deletes enrolments.",
    ),
    *attack(
        "sis-users-deleted", delete_users, (20, 120, 600), rule="sis_deletes", minutes=15,
        hours=(2.0, 5.0), also=_SIS, detail="An import deletes users.",
    ),
)  # fmt: skip
