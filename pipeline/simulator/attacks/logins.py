"""Attacks on logins: guessed passwords from one address or many, and what follows a right guess."""

from collections.abc import Callable
from typing import Final

from pipeline.domain.event_time import MICROS
from pipeline.simulator import routes
from pipeline.simulator.attacks.drill import ANY_HOUR, Drill, attack
from pipeline.simulator.attacks.scene import Scene
from pipeline.simulator.client import Client
from pipeline.simulator.journey import Journey
from pipeline.simulator.pages import STUDENT_DAY
from pipeline.simulator.person import Person

# A tool with one name for itself; others take a browser's, another with every attempt.
TOOL_AGENT: Final = "Mozilla/5.0 (compatible; OpenBullet2)"
ATTEMPTS_PER_ACCOUNT: Final = 9


def one_tool(scene: Scene) -> None:
    """Try one password for each of many accounts, from one address, as fast as it answers."""
    ip = scene.stranger_ip()
    for at in scene.clock(scene.size):
        _attempt(scene, scene.stranger(ip, TOOL_AGENT), at)
    scene.about("failed_login_ip", ip)


def one_patient_address(scene: Scene) -> None:
    """Do the same slowly, with another browser's name every time; one guess in forty is right."""
    ip = scene.stranger_ip()
    for number, at in enumerate(scene.clock(scene.size)):
        journey = _attempt(scene, scene.stranger(ip), at)
        if number % 40 == 39:
            get_in(journey, scene.somebody("student"))
    scene.about("failed_login_ip", ip)


def many_addresses(scene: Scene) -> None:
    """Try accounts from an address of its own each."""
    for at in scene.clock(scene.size):
        _attempt(scene, scene.stranger(), at)


def botnet(scene: Scene) -> None:
    """Try from some dozens of addresses in turn, each rarely."""
    addresses = [scene.stranger_ip() for _ in range(12 + scene.size // 8)]
    for at in scene.clock(scene.size):
        _attempt(scene, scene.stranger(scene.dice.pick(addresses), TOOL_AGENT), at)


def guessed(scene: Scene) -> None:
    """Guess an account's password after some failures from a foreign address; look around."""
    for at in scene.clock(scene.size):
        client = scene.stranger()
        journey = scene.journey(client, at)
        for _ in range(ATTEMPTS_PER_ACCOUNT):
            journey.ask(routes.LOGIN, status=400)
            scene.pause(journey, 7)
        _look_around(scene, journey, scene.somebody("student"))


def guessed_staff(scene: Scene) -> None:
    """Do the same to teachers, and write to students in their name."""
    for at in scene.clock(scene.size):
        journey = scene.journey(scene.stranger(agent=TOOL_AGENT), at)
        for _ in range(ATTEMPTS_PER_ACCOUNT):
            journey.ask(routes.LOGIN, status=400)
            scene.pause(journey, 2)
        teacher = scene.somebody("teacher")
        _look_around(scene, journey, teacher)
        for _ in range(6):
            journey.open((routes.MESSAGE, routes.INBOX_API), None)
            scene.pause(journey, 4)


def stolen_cookies(scene: Scene) -> None:
    """Use cookies of sessions under way: other network, other browser, same session."""
    _all_use(scene, lambda _: [(scene.stranger_ip(), TOOL_AGENT)])


def shared_cookies(scene: Scene) -> None:
    """Use such cookies with the owner's browser name copied along: only the network differs."""
    _all_use(scene, lambda person: [(scene.stranger_ip(), person.desktop_agent)])


def cookies_go_round(scene: Scene) -> None:
    """Use such cookies from three networks, all under the owner's browser name."""
    _all_use(scene, lambda person: [(scene.stranger_ip(), person.desktop_agent) for _ in range(3)])


def cookies_in_the_house(scene: Scene) -> None:
    """Use such cookies from the owner's own network, with another browser."""
    _all_use(scene, lambda person: [(person.home_ip, TOOL_AGENT)])


def _all_use(scene: Scene, thieves: Callable[[Person], list[tuple[str, str]]]) -> None:
    """Let owner and thieves (address, agent) use one session in turn, reading and writing."""
    for person, at in zip(
        scene.people("student", scene.size), scene.clock(scene.size), strict=True
    ):
        owner = scene.at_home(person)
        clients = [owner]
        for ip, agent in thieves(person):
            clients.append(Client(person=person, session=owner.session, ip=ip, agent=agent))
        for number, client in enumerate(clients):
            journey = scene.journey(client, at + number * 45 * MICROS)
            for step in range(12):
                journey.open(STUDENT_DAY.draw(scene.dice), scene.dice.pick(person.courses))
                if step % 4 == 2:
                    journey.open((routes.MESSAGE, routes.INBOX_API), None)
                journey.pause(10)


def _attempt(scene: Scene, client: Client, at: int) -> Journey:
    journey = scene.journey(client, at)
    journey.ask(routes.LOGIN, status=400)
    return journey


def get_in(journey: Journey, person: Person) -> None:
    """Log in: Canvas writes the login under the new session, and shows the dashboard."""
    journey.at += 2 * MICROS
    journey.client = journey.client.logged_in(person, journey.dice.hex32())
    journey.ask(routes.LOGIN, status=302)
    journey.at += MICROS
    journey.open((routes.DASHBOARD, routes.CARDS), None)


def _look_around(scene: Scene, journey: Journey, person: Person) -> None:
    get_in(journey, person)
    for route in (routes.INBOX, routes.GRADES, routes.MOBILE_PROFILE):
        scene.pause(journey, 5)
        journey.open((route,), scene.dice.pick(person.courses))


_ERRORS: Final = ("error_spike_4xx",)
_LOGINS: Final = ("credential_stuffing", "takeover", *_ERRORS)

LOGIN_ATTACKS: Final[tuple[Drill, ...]] = (
    *attack(
        "stuffing-one-tool", one_tool, (12, 60, 300), rule="credential_stuffing_ip", minutes=15,
        hours=ANY_HOUR, also=_LOGINS, detail="One tool at one address tries many accounts.",
    ),
    *attack(
        "stuffing-one-patient-address", one_patient_address, (12, 80, 240),
        rule="credential_stuffing_ip", minutes=60, hours=ANY_HOUR, also=_LOGINS,
        detail="One address tries many accounts slowly; few guesses are right.",
    ),
    *attack(
        "stuffing-many-addresses", many_addresses, (20, 120, 500),
        rule="credential_stuffing_many", minutes=30, hours=ANY_HOUR, also=_LOGINS,
        detail="Every attempt comes from an address of its own.",
    ),
    *attack(
        "stuffing-botnet", botnet, (40, 240, 900), rule="credential_stuffing_many", minutes=100,
        hours=ANY_HOUR, also=_LOGINS, detail="Dozens of addresses try in turn, each rarely.",
    ),
    *attack(
        "takeover-guessed", guessed, (1, 3, 8), rule="takeover_after_failures", minutes=30,
        hours=ANY_HOUR, also=_LOGINS, detail="Failures, then a login, from foreign addresses.",
    ),
    *attack(
        "takeover-staff", guessed_staff, (1, 3, 6), rule="takeover_after_failures", minutes=20,
        hours=ANY_HOUR, also=_LOGINS, detail="The same to teachers; messages in their name.",
    ),
    *attack(
        "session-stolen", stolen_cookies, (1, 3, 8), rule="session_from_two_agents", minutes=30,
        also=("session_from",), detail="Sessions used from a second network with another browser.",
    ),
    *attack(
        "session-in-the-house",
        cookies_in_the_house,
        (1, 3, 8),
        rule="session_from_two_agents",
        minutes=30,
        also=("session_from",),
        detail="Sessions used with another browser in the same network.",
    ),
    *attack(
        "session-goes-round", cookies_go_round, (1, 3, 8), rule="session_from_two_networks",
        minutes=40, also=("session_from",), detail="Sessions used from three more networks.",
    ),
    *attack(
        "session-shared", shared_cookies, (1, 3, 8), rule="session_from_two_networks", minutes=40,
        also=("session_from",), detail="Sessions used from a second network, under one name.",
    ),
)  # fmt: skip
