"""The help desk's day: look somebody up, act as him for a few pages, stop, wait for the next.

The benign look-alike of a masquerade burst: one to three people at a time, mostly reading.
"""

from typing import Final

from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.simulator import routes
from pipeline.simulator.dice import Dice
from pipeline.simulator.journey import Journey
from pipeline.simulator.pages import HELPED
from pipeline.simulator.person import Person
from pipeline.simulator.walks import arrive, browser
from pipeline.simulator.world import World

SHIFT: Final = 8 * HOUR
# Between two tickets that need masquerading.
LEAST_PAUSE: Final = 25 * MINUTE
MEAN_PAUSE_MIN: Final = 35.0


def shift(world: World, person: Person, at: int, dice: Dice) -> Journey:
    """Simulate one working day of a help-desk person."""
    journey = Journey(browser(person, dice), at, world.end_us, dice)
    arrive(journey, person)
    while not journey.over and journey.at - at < SHIFT:
        tickets = 1 if dice.chance(0.8) else 1 + dice.below(3)
        for target in dice.sample(world.university.of_kind("student"), tickets):
            look_up(journey, target)
            _help(journey, target)
        journey.at += LEAST_PAUSE + int(dice.exponential(MEAN_PAUSE_MIN) * MINUTE)
    return journey


def look_up(journey: Journey, target: Person) -> None:
    """Find somebody in the account and open his profile."""
    journey.subjects = (target,)
    journey.open((routes.ACCOUNT_USERS, routes.SEARCH_USERS), None)
    journey.pause(6)
    journey.open((routes.PROFILE, routes.LOGINS_API), None)
    journey.pause(8)
    journey.subjects = ()


def become(journey: Journey, target: Person) -> None:
    """Start acting as somebody: user changes, session, network and browser stay."""
    journey.ask(routes.BECOME, subject=target, status=302)
    journey.client = journey.client.acting_as(target)
    journey.at += 400_000


def stop_acting(journey: Journey) -> None:
    """Become oneself again."""
    real = journey.client.real
    session = journey.client.session
    if real is None or session is None:
        return
    journey.ask(routes.BECOME_SELF, subject=real, status=302)
    journey.client = journey.client.logged_in(real, session)
    journey.at += 400_000


def _help(journey: Journey, target: Person) -> None:
    dice = journey.dice
    become(journey, target)
    for _ in range(2 + dice.below(6)):
        if journey.over:
            return
        journey.open(HELPED.draw(dice), dice.pick(target.courses))
        journey.pause(20)
    # Now and then the ticket ends in doing it for them.
    if dice.chance(0.1):
        journey.open((routes.SUBMIT, routes.ASSIGNMENT), dice.pick(target.courses))
        journey.pause(5)
    stop_acting(journey)
