"""Benign traffic that resembles an attack: no alert may come of it."""

from typing import Final

from pipeline.domain.event_time import HOUR, MICROS
from pipeline.simulator import chances, routes
from pipeline.simulator.attacks import paths
from pipeline.simulator.attacks.afterwards import conclude_by_import, regrade
from pipeline.simulator.attacks.drill import OFFICE, Drill, look_alike
from pipeline.simulator.attacks.logins import get_in
from pipeline.simulator.attacks.mishaps import MISHAPS
from pipeline.simulator.attacks.records import change_course, open_course
from pipeline.simulator.attacks.scene import Scene, tell
from pipeline.simulator.client import Client
from pipeline.simulator.events import grade_change
from pipeline.simulator.help_desk import become, look_up, stop_acting
from pipeline.simulator.jobs import SIS_TAG, enrollment
from pipeline.simulator.pages import HELPED, STUDENT_DAY
from pipeline.simulator.request import JobEvent, Request
from pipeline.simulator.university import CAMPUS_IPS


def class_behind_nat(scene: Scene) -> None:
    """Let a class log in at once behind one address; some mistype, as people do."""
    ip = scene.dice.pick(CAMPUS_IPS)
    for person, at in zip(
        scene.people("student", scene.size), scene.clock(scene.size), strict=True
    ):
        client = Client(person=None, session=scene.dice.hex32(), ip=ip, agent=person.desktop_agent)
        journey = scene.journey(client, at)
        journey.ask(routes.LOGIN_FORM)
        while scene.dice.chance(0.12):
            journey.pause(8)
            journey.ask(routes.LOGIN, status=400)
        journey.pause(8)
        journey.client = journey.client.logged_in(person, scene.dice.hex32())
        journey.ask(routes.LOGIN, status=302)
        for _ in range(5):
            journey.pause(10)
            journey.open(STUDENT_DAY.draw(scene.dice), scene.dice.pick(person.courses))


def deploy_blip(scene: Scene) -> None:
    """Let a few requests fail for half a minute, while servers are exchanged."""
    end = scene.moment.start_us + 30 * MICROS

    def blip(request: Request) -> Request:
        if request.time_us >= end or chances.outage_share(request.id) >= scene.size / 100:
            return request
        return request._replace(status=502, events=())

    scene.change = blip


def import_with_deletes(scene: Scene) -> None:
    """Let the nightly import take away a few enrolments: people drop courses."""
    for at in scene.clock(scene.dice.below(scene.size)):
        when = at - at % 1_000
        body = enrollment(scene.world, when, scene.dice, "deleted")
        scene.jobs.append(JobEvent(when, "enrollment_updated", body, "1000000000000070", SIS_TAG))


def large_import(scene: Scene) -> None:
    """Let an import enrol a new cohort."""
    for at in scene.clock(scene.size):
        when = at - at % 1_000
        body = enrollment(scene.world, when, scene.dice)
        scene.jobs.append(JobEvent(when, "enrollment_created", body, "1000000000000071", SIS_TAG))


def second_look(scene: Scene) -> None:
    """Let a teacher look at a class's work again: some grades rise, some fall."""
    teacher = scene.somebody("teacher")
    course = scene.dice.pick(teacher.courses)
    item = scene.dice.pick(course.items("assignment"))
    students = scene.world.university.students_of(course)[: scene.size]
    journey = scene.journey(scene.at_home(teacher), scene.moment.start_us)
    for student, at in zip(students, scene.clock(len(students)), strict=True):
        journey.at = at
        old = 8 + scene.dice.below(9)
        journey.ask(routes.GRADE, course, item, subject=student, status=200)
        tell(journey, grade_change(teacher, item, student, old, old + scene.dice.below(7) - 3))


def grade_class(scene: Scene) -> None:
    """Let a teacher grade a class for the first time, quickly."""
    teacher = scene.somebody("teacher")
    course = scene.dice.pick(teacher.courses)
    item = scene.dice.pick(course.items("assignment"))
    students = scene.world.university.students_of(course)[: scene.size]
    journey = scene.journey(scene.at_home(teacher), scene.moment.start_us)
    for student, at in zip(students, scene.clock(len(students)), strict=True):
        journey.at = at
        journey.ask(routes.GRADE, course, item, subject=student, status=200)
        tell(journey, grade_change(teacher, item, student, None, 8 + scene.dice.below(13)))


def chores(scene: Scene) -> None:
    """Let an administrator do what is asked for: a tool, a role, a setting."""
    changes = (paths.NEW_TOOL, paths.CHANGED_ROLE, paths.CHANGED_ACCOUNT)
    journey = scene.journey(scene.at_home(scene.somebody("admin")), scene.moment.start_us)
    for at in scene.clock(scene.size):
        journey.at = max(journey.at, at)
        journey.open((routes.SETTINGS, routes.GRAPHQL), None)
        scene.pause(journey, 30)
        journey.ask(scene.dice.pick(changes), None, 5, status=200)


def end_of_course(scene: Scene) -> None:
    """Let a teacher conclude or withdraw a course of the last term."""
    teacher = scene.somebody("teacher")
    journey = scene.journey(scene.at_home(teacher), scene.moment.start_us)
    for at in scene.clock(scene.size):
        journey.at = at
        state = scene.dice.pick(("completed", "claimed"))
        course = scene.dice.pick(teacher.courses).last_term()
        change_course(journey, course, paths.CHANGED_COURSE, state)


def open_own_course(scene: Scene) -> None:
    """Let a teacher show a course of his own to the world."""
    teacher = scene.somebody("teacher")
    journey = scene.journey(scene.at_home(teacher), scene.moment.start_us)
    for at in scene.clock(scene.size):
        journey.at = at
        open_course(journey, scene.dice.pick(teacher.courses))


def term_ends(scene: Scene) -> None:
    """Let an import conclude the courses of a term that is over."""
    courses = scene.dice.sample(scene.world.university.courses, scene.size)
    for course, at in zip(courses, scene.clock(len(courses)), strict=True):
        conclude_by_import(scene, course.last_term(), at)


def grade_appeal(scene: Scene) -> None:
    """Let a teacher mend a grade or two in a course that is over: somebody appealed."""
    teacher = scene.somebody("teacher")
    course = scene.dice.pick(teacher.courses).last_term()
    conclude_by_import(scene, course, scene.moment.start_us)
    journey = scene.journey(scene.at_home(teacher), scene.moment.start_us)
    regrade(scene, journey, (teacher, course), list(scene.clock(scene.size + 1))[1:])


def concluded_by_mistake(scene: Scene) -> None:
    """Let a course be concluded, opened again, and its class be graded two hours later."""
    start, end = scene.moment
    teacher = scene.somebody("teacher")
    course = scene.dice.pick(teacher.courses).last_term()
    journey = scene.journey(scene.at_home(teacher), start)
    change_course(journey, course, paths.CHANGED_COURSE, "completed")
    journey.pause(300)
    change_course(journey, course, paths.CHANGED_COURSE, "available")
    late = [
        start + 2 * HOUR + (at - start) * (end - start - 2 * HOUR) // (end - start)
        for at in scene.clock(scene.size)
    ]
    regrade(scene, journey, (teacher, course), late)


def tidy_courses(scene: Scene) -> None:
    """Let a teacher delete an old course and reset another later, and an administrator delete one.

    Nobody deletes after a reset of his own.
    """
    start, end = scene.moment
    one, other = scene.somebody("teacher"), scene.somebody("admin")
    old = [course.last_term() for course in scene.dice.sample(scene.world.university.courses, 3)]
    steps = (
        (one, 0.0, paths.DELETED_COURSE),
        (one, 0.5, paths.RESET_COURSE),
        (other, 0.8, paths.DELETED_COURSE),
    )
    for (who, share, route), course in zip(steps, old, strict=True):
        journey = scene.journey(scene.at_home(who), start + int(share * (end - start)))
        change_course(journey, course, route, "deleted")


def forgotten_password(scene: Scene) -> None:
    """Let somebody at home try one password after the other until one fits."""
    person = scene.somebody("student")
    client = scene.stranger(person.home_ip, person.desktop_agent)
    journey = scene.journey(client, scene.moment.start_us)
    for _ in range(scene.size):
        journey.ask(routes.LOGIN, status=400)
        scene.pause(journey, 25)
    get_in(journey, person)


def on_the_move(scene: Scene) -> None:
    """Let a student log in at home, on the way and on the campus, within an hour or two."""
    person = scene.somebody("student")
    places = (person.home_ip, scene.stranger_ip(), scene.dice.pick(CAMPUS_IPS))
    for ip, at in zip(places, scene.clock(len(places)), strict=True):
        client = Client(person=None, session=scene.dice.hex32(), ip=ip, agent=person.desktop_agent)
        journey = scene.journey(client, at)
        journey.ask(routes.LOGIN_FORM)
        journey.pause(8)
        get_in(journey, person)
        for _ in range(5):
            journey.pause(10)
            journey.open(STUDENT_DAY.draw(scene.dice), scene.dice.pick(person.courses))


def hand_ins(scene: Scene) -> None:
    """Let a teacher download a class's files."""
    teacher = scene.somebody("teacher")
    course = scene.dice.pick(teacher.courses)
    journey = scene.journey(scene.at_home(teacher), scene.moment.start_us)
    for at in scene.clock(scene.size):
        journey.at = at
        journey.ask(routes.DOWNLOAD, course, scene.dice.pick(course.items("file")))


def busy_help_desk(scene: Scene) -> None:
    """Let the help desk have a bad morning: more people than usual, one after the other."""
    person = scene.somebody("help_desk")
    journey = scene.journey(scene.at_home(person), scene.moment.start_us)
    for target, at in zip(
        scene.people("student", scene.size), scene.clock(scene.size), strict=True
    ):
        journey.at = max(journey.at, at)
        look_up(journey, target)
        become(journey, target)
        for _ in range(3):
            journey.open(HELPED.draw(scene.dice), scene.dice.pick(target.courses))
            journey.pause(15)
        stop_acting(journey)


LOOK_ALIKES: Final[tuple[Drill, ...]] = (
    look_alike(
        "class-behind-nat", class_behind_nat, 30, minutes=12,
        like=("credential_stuffing_ip", "takeover_after_failures"),
        detail="A class logs in at once behind one address.",
    ),
    look_alike(
        "deploy-blip", deploy_blip, 12, minutes=2,
        like=("error_spike_5xx_controller", "error_spike_5xx_instance"),
        detail="A few requests fail for half a minute.",
    ),
    look_alike(
        "import-with-deletes", import_with_deletes, 12, minutes=10, hours=(2.0, 2.5),
        like=("sis_deletes",),
        detail="The nightly import takes away a few enrolments.",
    ),
    look_alike(
        "large-import", large_import, 400, minutes=20, hours=(2.0, 2.5),
        like=("sis_deletes",),
        detail="An import enrols a new cohort.",
    ),
    look_alike(
        "regrade", second_look, 20, minutes=60, hours=OFFICE,
        like=("grade_burst", "grades_up_only"),
        detail="A teacher looks at a class's work again.",
    ),
    look_alike(
        "grade-class", grade_class, 30, minutes=45, hours=(9.0, 20.0),
        like=("grade_burst",),
        detail="A teacher grades a class for the first time.",
    ),
    look_alike(
        "chores", chores, 2, minutes=60,
        like=("admin_surface_burst",),
        detail="An administrator changes a setting.",
    ),
    look_alike(
        "end-of-course", end_of_course, 1, minutes=10,
        like=("course_destruction",),
        detail="A course is concluded.",
    ),
    look_alike(
        "open-course", open_own_course, 2, minutes=10,
        like=("course_made_public",),
        detail="A teacher makes a course public.",
    ),
    look_alike(
        "term-ends", term_ends, 40, minutes=15, hours=(3.0, 5.0),
        like=("course_destruction", "grades_after_conclusion"),
        detail="An import concludes the courses of a term.",
    ),
    look_alike(
        "grade-appeal", grade_appeal, 2, minutes=60,
        like=("grades_after_conclusion", "grades_up_only"),
        detail="A grade or two of a course that is over are mended.",
    ),
    look_alike(
        "concluded-by-mistake", concluded_by_mistake, 10, minutes=170, hours=(9.0, 15.0),
        like=("grades_after_conclusion",),
        detail="A course is concluded, opened again, and goes on.",
    ),
    look_alike(
        "courses-tidied", tidy_courses, 3, minutes=60,
        like=("course_destruction", "course_reset_then_deleted"),
        detail="An old course is deleted, another is reset, and a colleague deletes one.",
    ),
    look_alike(
        "forgotten-password", forgotten_password, 6, minutes=15, hours=(8.0, 22.0),
        like=("credential_stuffing_ip", "takeover_after_failures", "takeover_from_new_network"),
        detail="Somebody at home tries six passwords until one fits.",
    ),
    look_alike(
        "on-the-move", on_the_move, 3, minutes=60, hours=(8.0, 20.0),
        like=("account_from_many_networks", "takeover_from_new_network"),
        detail="A student logs in at home, on the way and on the campus.",
    ),
    look_alike(
        "hand-ins", hand_ins, 25, minutes=30,
        like=("mass_download",),
        detail="A teacher downloads a class's files.",
    ),
    look_alike(
        "busy-help-desk", busy_help_desk, 5, minutes=60,
        like=("masquerade_burst",),
        detail="The help desk acts as more people than usual.",
    ),
    *MISHAPS,
)  # fmt: skip
