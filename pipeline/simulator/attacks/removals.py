"""Courses that are emptied and then deleted by one person, hours apart."""

from typing import Final

from pipeline.simulator.attacks import paths
from pipeline.simulator.attacks.drill import DAYTIME, Drill, attack
from pipeline.simulator.attacks.records import change_course
from pipeline.simulator.attacks.scene import Scene
from pipeline.simulator.client import Client
from pipeline.simulator.user_agents import SCRIPT

PAUSE: Final = 0.6
"""Share of the time that passes between the last reset and the first delete."""


def empty_then_delete(scene: Scene) -> None:
    """Reset courses with an administrator's account, and delete others hours later."""
    _remove(scene, scene.at_home(scene.somebody("admin")))


def empty_then_delete_by_program(scene: Scene) -> None:
    """Do the same with an administrator's token, from elsewhere."""
    _remove(scene, scene.token(scene.somebody("admin"), 55, scene.stranger_ip(), SCRIPT))


def _remove(scene: Scene, client: Client) -> None:
    start, end = scene.moment
    journey = scene.journey(client, start)
    courses = scene.dice.sample(scene.world.university.courses, 2 * scene.size)
    times = list(scene.clock(len(courses)))
    for number, (course, at) in enumerate(zip(courses, times, strict=True)):
        share = (1 - PAUSE) * (at - start) / (end - start)
        journey.at = start + int((share + PAUSE * (number >= scene.size)) * (end - start))
        route = paths.RESET_COURSE if number < scene.size else paths.DELETED_COURSE
        change_course(journey, course, route, "deleted")


_COURSES: Final = ("course_", "admin_", "grades_after", "token_", "unknown_developer_key")

REMOVALS: Final[tuple[Drill, ...]] = (
    *attack(
        "courses-emptied-then-deleted-by-program", empty_then_delete_by_program, (1, 3, 6),
        rule="course_reset_then_deleted", minutes=60, hours=DAYTIME, also=_COURSES,
        detail="A program with an administrator's token resets courses, then deletes some.",
    ),
    *attack(
        "courses-emptied-then-deleted", empty_then_delete, (1, 2, 4),
        rule="course_reset_then_deleted", minutes=(180, 180, 120), hours=DAYTIME, also=_COURSES,
        detail="An administrator's account resets courses, and deletes some hours later.",
    ),
)  # fmt: skip
