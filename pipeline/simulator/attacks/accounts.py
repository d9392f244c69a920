"""Attacks on one account: many use it at once, or guess at it from many places."""

from typing import Final

from pipeline.simulator import routes
from pipeline.simulator.attacks.drill import ANY_HOUR, Drill, attack
from pipeline.simulator.attacks.logins import TOOL_AGENT, get_in
from pipeline.simulator.attacks.scene import Scene
from pipeline.simulator.journey import Journey
from pipeline.simulator.pages import STUDENT_DAY


def pass_round(scene: Scene) -> None:
    """Let strangers log in to one student's account, each at home, and read."""
    person = scene.somebody("student")
    for at in scene.clock(scene.size):
        journey = scene.journey(scene.stranger(), at)
        journey.ask(routes.LOGIN_FORM)
        scene.pause(journey, 5)
        get_in(journey, person)
        for _ in range(4):
            scene.pause(journey, 10)
            journey.open(STUDENT_DAY.draw(scene.dice), scene.dice.pick(person.courses))
    scene.about("login_account", person.user_id)


def guess_from_many(scene: Scene) -> None:
    """Try a teacher's account from one address after the other; what fits is tried from the next.

    A refused login names no account: only those that get in do.
    """
    person = scene.somebody("teacher")
    for at in scene.clock(scene.size):
        journey = scene.journey(scene.stranger(agent=TOOL_AGENT), at)
        for _ in range(1 + scene.dice.below(2)):
            journey.ask(routes.LOGIN, status=400)
            scene.pause(journey, 3)
        get_in(journey, person)
        scene.pause(journey, 5)
        journey.open((routes.INBOX,), None)
    scene.about("login_account", person.user_id)


def guess_quickly(scene: Scene) -> None:
    """Guess a student's password in a few attempts, from an address of its own each; read."""
    for at in scene.clock(scene.size):
        journey = scene.journey(scene.stranger(), at)
        _guess(scene, journey, 5 + scene.dice.below(3), 20)
        person = scene.somebody("student")
        get_in(journey, person)
        for _ in range(4):
            scene.pause(journey, 10)
            journey.open(STUDENT_DAY.draw(scene.dice), scene.dice.pick(person.courses))


def guess_slowly(scene: Scene) -> None:
    """Guess a teacher's password over a quarter of an hour, and read the inbox."""
    for at in scene.clock(scene.size):
        journey = scene.journey(scene.stranger(agent=TOOL_AGENT), at)
        _guess(scene, journey, 6, 150)
        get_in(journey, scene.somebody("teacher"))
        scene.pause(journey, 5)
        journey.open((routes.INBOX,), None)


def _guess(scene: Scene, journey: Journey, attempts: int, seconds: float) -> None:
    for _ in range(attempts):
        journey.ask(routes.LOGIN, status=400)
        scene.pause(journey, seconds)


_LOGINS: Final = ("credential_stuffing", "takeover", "account_", "error_spike_4xx")

ACCOUNT_ATTACKS: Final[tuple[Drill, ...]] = (
    *attack(
        "account-guessed-from-many", guess_from_many, (3, 8, 25),
        rule="account_from_many_networks", minutes=50, hours=ANY_HOUR, also=_LOGINS,
        detail="One account is tried from many addresses; some get in.",
    ),
    *attack(
        "account-passed-round", pass_round, (3, 8, 25), rule="account_from_many_networks",
        minutes=80, also=_LOGINS, detail="One account is used by many people at home.",
    ),
    *attack(
        "takeover-quickly", guess_quickly, (1, 3, 8), rule="takeover_from_new_network", minutes=40,
        hours=ANY_HOUR, also=_LOGINS, detail="A few failures, then a login from a foreign network.",
    ),
    *attack(
        "takeover-slowly", guess_slowly, (1, 3, 8), rule="takeover_from_new_network", minutes=100,
        hours=ANY_HOUR, also=_LOGINS, detail="The same with teachers, and minutes between guesses.",
    ),
)  # fmt: skip
