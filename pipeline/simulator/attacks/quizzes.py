"""What a quiz looks like when attempts are shared; the rule is off unless somebody asks for it.

When an attempt goes on elsewhere, answers that the first place still saves are refused (assumed:
401, as for any session that is no longer the attempt's).
"""

from typing import Final

from pipeline.simulator import routes
from pipeline.simulator.attacks.drill import OFFICE, Drill, attack
from pipeline.simulator.attacks.scene import Scene
from pipeline.simulator.client import Client
from pipeline.simulator.journey import Journey
from pipeline.simulator.person import Course

SAVES: Final = 20


def two_places(scene: Scene) -> None:
    """Work on one attempt from two networks in turn: each finds itself refused half of the time."""
    _sit(scene, same_session=False, refused=(2, 2))


def handed_over(scene: Scene) -> None:
    """Hand the session of an attempt over; the browser that was left open is refused."""
    _sit(scene, same_session=True, refused=(1, SAVES))


def _sit(scene: Scene, *, same_session: bool, refused: tuple[int, int]) -> None:
    course = max(scene.world.university.courses, key=lambda one: len(one.students))
    students = scene.world.university.students_of(course)
    quiz = course.items("quiz")[0]
    for person in scene.dice.sample(students, scene.size):
        own = scene.at_home(person)
        helper = Client(
            person=person,
            session=own.session if same_session else scene.dice.hex32(),
            ip=scene.stranger_ip(),
            agent=person.desktop_agent,
        )
        for client, every in zip((own, helper), refused, strict=True):
            _work(scene.journey(client, scene.moment.start_us), course, quiz, every)


def _work(journey: Journey, course: Course, quiz: int, refused_every: int) -> None:
    """Save answers again and again; every so many saves are refused."""
    journey.pause(60)
    journey.open((routes.QUIZ_TAKE,), course, quiz)
    for save in range(1, SAVES):
        journey.pause(75, 0.3)
        status = 401 if save % refused_every == 0 else 200
        journey.ask(routes.QUIZ_BACKUP, course, quiz, status=status)


QUIZ_ATTACKS: Final[tuple[Drill, ...]] = (
    *attack(
        "quiz-two-places", two_places, (1, 5, 15), rule="quiz_refusals", minutes=40,
        hours=OFFICE, also=("session_from", "unauthorized", "error_spike"),
        detail="Attempts go on from two networks in turn.",
    ),
    *attack(
        "quiz-handed-over", handed_over, (1, 5, 15), rule="quiz_refusals", minutes=40,
        hours=OFFICE, also=("session_from", "unauthorized", "error_spike"),
        detail="The session of an attempt handed over.",
    ),
)  # fmt: skip
