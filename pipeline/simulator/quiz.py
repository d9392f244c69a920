"""A class quiz: everybody enrolled starts within minutes, behind one campus network."""

from typing import Final

from pipeline.domain.event_time import MICROS, MINUTE
from pipeline.simulator import routes
from pipeline.simulator.client import Client
from pipeline.simulator.dice import Dice
from pipeline.simulator.journey import Journey
from pipeline.simulator.person import Course, Person
from pipeline.simulator.university import CAMPUS_IPS
from pipeline.simulator.walks import arrive
from pipeline.simulator.world import World

START_SPREAD_S: Final = 150.0


def sit_quiz(world: World, person: Person, course: Course, at: int, dice: Dice) -> Journey:
    """Simulate one student's quiz: log in, take it, back up answers, hand in."""
    client = Client(
        person=None,
        session=dice.hex32(),
        ip=CAMPUS_IPS[course.id % len(CAMPUS_IPS)],
        agent=person.desktop_agent,
    )
    start = at + int(START_SPREAD_S * dice.uniform() * MICROS)
    journey = Journey(client, start, world.end_us, dice)
    arrive(journey, person)
    quiz = course.items("quiz")[0]
    journey.open((routes.COURSE_HOME, routes.TODO_ITEMS), course)
    journey.pause(10)
    journey.open((routes.QUIZ,), course, quiz)
    journey.pause(8)
    journey.open((routes.QUIZ_TAKE,), course, quiz)
    hand_in = journey.at + int((15 + 25 * dice.uniform()) * MINUTE)
    while journey.at < hand_in:
        journey.pause(60, 0.4)
        if journey.over:
            return journey
        journey.open((routes.QUIZ_BACKUP,), course, quiz)
    journey.open((routes.QUIZ_SUBMIT, routes.QUIZ), course, quiz)
    return journey
