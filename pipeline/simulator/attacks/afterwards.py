"""What happens to a course that is over: grades of the last term are changed, or rightly mended."""

from typing import Final

from pipeline.domain.event_time import MINUTE
from pipeline.simulator import routes
from pipeline.simulator.attacks import paths
from pipeline.simulator.attacks.drill import DAYTIME, Drill, attack
from pipeline.simulator.attacks.records import change_course
from pipeline.simulator.attacks.scene import Scene, tell
from pipeline.simulator.client import Client
from pipeline.simulator.events import course_updated, grade_change
from pipeline.simulator.jobs import SIS_TAG
from pipeline.simulator.journey import Journey
from pipeline.simulator.person import Course, Person
from pipeline.simulator.request import Audit, JobEvent
from pipeline.simulator.user_agents import SCRIPT

FIRST: Final = 3 * MINUTE
"""From a course's end, which an import tells, to what is done to it."""


def conclude_by_import(scene: Scene, course: Course, at: int) -> None:
    """Let an import conclude a course."""
    when = at - at % 1_000
    noted = (Audit("concluded", course.id),)
    body = course_updated(course, when, "completed")
    scene.jobs.append(JobEvent(when, "course_updated", body, "1000000000000072", SIS_TAG, noted))


def regrade(
    scene: Scene, journey: Journey, taught: tuple[Person, Course], times: list[int]
) -> None:
    """Change a grade of the last term at each of some times."""
    teacher, course = taught
    students = scene.world.university.students_of(course) or scene.people("student", 3)
    for at in times:
        journey.at = max(journey.at, at)
        student, item = scene.dice.pick(students), scene.dice.pick(course.items("assignment"))
        old = 4 + scene.dice.below(9)
        journey.ask(routes.GRADE, course, item, subject=student, status=200)
        tell(journey, grade_change(teacher, item, student, old, old + 1 + scene.dice.below(7)))


def change_last_term(scene: Scene) -> None:
    """Change grades in a course that is over, in its teacher's browser."""
    teacher, course = _over(scene)
    _change(scene, scene.at_home(teacher), (teacher, course))


def change_last_term_by_program(scene: Scene) -> None:
    """Change grades in a course that is over, with its teacher's token, from elsewhere."""
    teacher, course = _over(scene)
    _change(scene, scene.token(teacher, 55, scene.stranger_ip(), SCRIPT), (teacher, course))


def reopen_change_close(scene: Scene) -> None:
    """Open a course that is over for a few minutes, change its grades, and conclude it again."""
    taught = _over(scene)
    admin = scene.somebody("admin")
    journey = scene.journey(scene.at_home(admin), scene.moment.start_us + FIRST)
    change_course(journey, taught[1], paths.CHANGED_COURSE, "available")
    regrade(scene, journey, (admin, taught[1]), _later(scene))
    change_course(journey, taught[1], paths.CHANGED_COURSE, "completed")
    scene.about("graded_course", taught[1].id)


def _over(scene: Scene) -> tuple[Person, Course]:
    teacher = scene.somebody("teacher")
    course = scene.dice.pick(teacher.courses).last_term()
    conclude_by_import(scene, course, scene.moment.start_us)
    return teacher, course


def _change(scene: Scene, client: Client, taught: tuple[Person, Course]) -> None:
    journey = scene.journey(client, scene.moment.start_us + FIRST)
    regrade(scene, journey, taught, _later(scene))
    scene.about("graded_course", taught[1].id)


def _later(scene: Scene) -> list[int]:
    """Give the times at which grades are changed: the first minutes are the course's end."""
    start, end = scene.moment
    share = (end - start - 2 * FIRST) / (end - start)
    return [start + FIRST + int((at - start) * share) for at in scene.clock(scene.size)]


_LATE: Final = ("grade", "course_", "admin_", "token_", "unknown_developer_key", "session_from")

AFTERWARDS: Final[tuple[Drill, ...]] = (
    *attack(
        "grades-of-last-term", change_last_term, (3, 12, 40), rule="grades_after_conclusion",
        minutes=40, hours=DAYTIME, also=_LATE, detail="Grades of a concluded course are changed.",
    ),
    *attack(
        "grades-of-last-term-by-program", change_last_term_by_program, (3, 12, 40),
        rule="grades_after_conclusion", minutes=40, hours=DAYTIME, also=_LATE,
        detail="A teacher's token changes grades of a concluded course.",
    ),
    *attack(
        "course-reopened-for-grades", reopen_change_close, (3, 12, 40),
        rule="grades_after_conclusion", minutes=40, hours=DAYTIME, also=_LATE,
        detail="A concluded course is opened, its grades are changed, and it is concluded again.",
    ),
)  # fmt: skip
