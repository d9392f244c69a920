"""Abuse of API tokens: bulk reading, strange places and programs, strange hours, new keys."""

from collections.abc import Callable
from typing import Final

from pipeline.simulator import routes
from pipeline.simulator.attacks import paths
from pipeline.simulator.attacks.drill import ANY_HOUR, NIGHT, OFFICE, Drill, attack
from pipeline.simulator.attacks.scene import Scene
from pipeline.simulator.client import Client
from pipeline.simulator.instance import MOBILE_KEY_IDS
from pipeline.simulator.person import Person
from pipeline.simulator.programs import FIRST_READER_KEY, SIS_KEY
from pipeline.simulator.request import Route
from pipeline.simulator.university import SERVICE_IPS
from pipeline.simulator.user_agents import SCRIPT

CURL: Final = "curl/8.5.0"
STOLEN_SCRIPT: Final = "Go-http-client/2.0"
# Canvas's own key for tokens that users make themselves.
USER_KEY: Final = 55
UNKNOWN_KEYS: Final = 9_000
PROVISIONING_KEY: Final = 57


def bulk_read(scene: Scene) -> None:
    """Read grades course by course with a reporting token, far beyond its usual runs."""
    service, key, ip = reader(scene)
    run(scene, scene.token(service, key, ip, SCRIPT), (paths.READ_GRADES,), scene.size)
    scene.about("developer_key", key)


def bulk_users(scene: Scene) -> None:
    """Read all users and enrolments with a token somebody made for himself."""
    admin = scene.somebody("admin")
    client = scene.token(admin, USER_KEY, admin.home_ip, SCRIPT)
    run(scene, client, (paths.READ_USERS, routes.READ_ENROLLMENTS), scene.size)
    scene.about("developer_key", USER_KEY)


def elsewhere(scene: Scene) -> None:
    """Use a reporting token, with its program's name, from another network."""
    service, key, _ = reader(scene)
    client = scene.token(service, key, scene.stranger_ip(), SCRIPT)
    run(scene, client, (routes.READ_COURSES, paths.READ_GRADES), scene.size)
    scene.about("developer_key", key)


def everywhere(scene: Scene) -> None:
    """Use a reporting token from a network of its own for every few calls."""
    service, key, _ = reader(scene)
    for at in scene.clock(scene.size):
        client = scene.token(service, key, scene.stranger_ip(), SCRIPT)
        journey = scene.journey(client, at)
        for _ in range(3):
            journey.ask(paths.READ_GRADES, scene.dice.pick(scene.world.university.courses))
            scene.pause(journey, 1)
    scene.about("developer_key", key)


def other_program(scene: Scene) -> None:
    """Call with a reporting token from its usual address, with another program."""
    service, key, ip = reader(scene)
    run(scene, scene.token(service, key, ip, CURL), (paths.READ_GRADES,), scene.size)
    scene.about("developer_key", key)


def by_hand(scene: Scene) -> None:
    """Try calls by hand with the importer's token: a program nobody uses it with."""
    importer = scene.world.university.services[0]
    client = scene.token(importer, SIS_KEY, SERVICE_IPS[SIS_KEY], STOLEN_SCRIPT)
    run(scene, client, (paths.READ_USERS, routes.READ_COURSES), scene.size)
    scene.about("developer_key", SIS_KEY)


def admin_at_night(scene: Scene) -> None:
    """List who may do what, with an administrator's token, at night."""
    admin = scene.somebody("admin")
    client = scene.token(admin, USER_KEY, admin.home_ip, SCRIPT)
    run(
        scene, client, (paths.READ_ADMINS, paths.READ_LOGIN_PROVIDERS, paths.READ_USERS), scene.size
    )


def administers(scene: Scene) -> None:
    """Make keys and tools with an administrator's token of a program of one's own, by day."""
    admin = scene.somebody("admin")
    key = UNKNOWN_KEYS + scene.dice.below(1_000)
    client = scene.token(admin, key, scene.stranger_ip(), STOLEN_SCRIPT)
    run(scene, client, (paths.READ_ADMINS, paths.NEW_KEY, paths.NEW_TOOL), scene.size)


def importer_by_day(scene: Scene) -> None:
    """List administrators and widen roles as the importer itself, by day: the hour alone is odd."""
    run(scene, importer(scene), (paths.READ_ADMINS, paths.CHANGED_ROLE), scene.size)


def provisioning_at_night(scene: Scene) -> None:
    """Read users and make keys as the provisioning program itself, at night."""
    run(scene, provisioning(scene), (paths.READ_USERS, paths.NEW_KEY), scene.size)


def settings_at_night(scene: Scene) -> None:
    """Change account settings in an administrator's browser, at night."""
    _change_at_night(scene, paths.CHANGED_ACCOUNT)


def roles_at_night(scene: Scene) -> None:
    """Widen roles in an administrator's browser, at night."""
    _change_at_night(scene, paths.CHANGED_ROLE)


def _change_at_night(scene: Scene, route: Route) -> None:
    journey = scene.journey(scene.at_home(scene.somebody("admin")), scene.moment.start_us)
    for _ in range(scene.size):
        journey.open((routes.SETTINGS, routes.GRAPHQL), None)
        scene.pause(journey, 10)
        journey.ask(route, None, 3, status=200)
        scene.pause(journey, 20)


def unknown_reader(scene: Scene) -> None:
    """Read with a developer key that was never seen."""
    _with_unknown_key(scene, paths.READ_GRADES)


def unknown_writer(scene: Scene) -> None:
    """Write messages with a developer key that was never seen."""
    _with_unknown_key(scene, routes.MESSAGE)


def throttled(scene: Scene) -> None:
    """Ask so fast with a reporting token that Canvas refuses (403, Rate Limit Exceeded)."""
    service, key, ip = reader(scene)
    client = scene.token(service, key, ip, SCRIPT)
    run(scene, client, (paths.READ_GRADES,), scene.size, status=_refused(scene, 403))
    scene.about("developer_key", key)


def throttled_app(scene: Scene) -> None:
    """Let a student's script with the app's key be refused (429, as the documents say)."""
    student = scene.somebody("student")
    key = MOBILE_KEY_IDS["ios"]
    client = scene.token(student, key, student.home_ip, STOLEN_SCRIPT)
    run(scene, client, (routes.MOBILE_COURSE,), scene.size, status=_refused(scene, 429))
    scene.about("developer_key", key)


def expired_token(scene: Scene) -> None:
    """Let a program go on with a token that is no longer valid: 401 for everything."""
    service, key, ip = reader(scene)
    client = scene.token(None if scene.dice.chance(0.5) else service, key, ip, SCRIPT)
    run(scene, client, (routes.READ_ENROLLMENTS,), scene.size, status=lambda: 401)


def expired_app(scene: Scene) -> None:
    """Let many phones meet expired tokens at once: 401 on the pages an app opens first."""
    for at in scene.clock(scene.size):
        person = scene.somebody("student")
        client = scene.token(person, MOBILE_KEY_IDS["ios"], person.home_ip, "iCanvas/7.42.0")
        journey = scene.journey(client, at)
        for route in (routes.CARDS, routes.MOBILE_COURSES):
            journey.ask(route, status=401)
            scene.pause(journey, 1)


def _with_unknown_key(scene: Scene, route: Route) -> None:
    person = scene.somebody("teacher")
    key = UNKNOWN_KEYS + scene.dice.below(1_000)
    run(scene, scene.token(person, key, scene.stranger_ip(), STOLEN_SCRIPT), (route,), scene.size)
    scene.about("developer_key", key)


def reader(scene: Scene) -> tuple[Person, int, str]:
    """Draw a reporting token: its owner, key and usual address."""
    _, *readers = scene.world.university.services
    service = scene.dice.pick(readers)
    key = FIRST_READER_KEY + service.index - scene.world.config.users
    return service, key, SERVICE_IPS[key % len(SERVICE_IPS)]


def importer(scene: Scene) -> Client:
    """Give the program that imports every night, where it always runs."""
    return scene.token(scene.world.university.services[0], SIS_KEY, SERVICE_IPS[SIS_KEY], SCRIPT)


def provisioning(scene: Scene) -> Client:
    """Give the administrators' program that looks after accounts, where it always runs."""
    admin = scene.world.university.of_kind("admin")[0]
    return scene.token(admin, PROVISIONING_KEY, SERVICE_IPS[PROVISIONING_KEY], SCRIPT)


def _refused(scene: Scene, status: int) -> Callable[[], int | None]:
    # Some calls get through between refusals.
    return lambda: status if scene.dice.chance(0.85) else None


def run(
    scene: Scene,
    client: Client,
    steps: tuple[Route, ...],
    count: int,
    *,
    status: Callable[[], int | None] = lambda: None,
) -> None:
    """Let a program make `count` calls over the moment."""
    courses = scene.world.university.courses
    journey = scene.journey(client, scene.moment.start_us)
    for number, at in enumerate(scene.clock(count)):
        journey.at = at
        course = scene.dice.pick(courses)
        journey.ask(steps[number % len(steps)], course, number + 1, status=status())


_ABUSE: Final = ("token_", "unknown_developer_key", "course_scraping", "admin_")
_REFUSED: Final = ("error_spike_4xx", "unauthorized", "throttled", *_ABUSE)

TOKEN_ATTACKS: Final[tuple[Drill, ...]] = (
    *attack(
        "token-bulk-read", bulk_read, (60, 500, 2_000), rule="token_bulk_read", minutes=30,
        hours=ANY_HOUR, also=_ABUSE, detail="A reporting token reads grades in bulk.",
    ),
    *attack(
        "token-bulk-users", bulk_users, (60, 500, 2_000), rule="token_bulk_read", minutes=30,
        hours=ANY_HOUR, also=_ABUSE, detail="A self-made token reads all users and enrolments.",
    ),
    *attack(
        "token-elsewhere", elsewhere, (2, 20, 150), rule="token_new_network", minutes=30,
        hours=ANY_HOUR, also=_ABUSE, detail="A reporting token is used from another network.",
    ),
    *attack(
        "token-everywhere", everywhere, (1, 5, 20), rule="token_new_network", minutes=60,
        hours=ANY_HOUR, also=_ABUSE, detail="A reporting token is used from many networks.",
    ),
    *attack(
        "token-other-program", other_program, (2, 20, 150), rule="token_new_agent", minutes=30,
        hours=ANY_HOUR, also=_ABUSE, detail="A reporting token is used with another program.",
    ),
    *attack(
        "token-by-hand", by_hand, (2, 20, 100), rule="token_new_agent", minutes=30,
        hours=ANY_HOUR, also=_ABUSE, detail="The importer's token is used with another program.",
    ),
    *attack(
        "admin-api-at-night", admin_at_night, (2, 30, 200), rule="admin_token_first_seen",
        minutes=30, hours=NIGHT, also=_ABUSE,
        detail="An administrator's token lists administrators at night.",
    ),
    *attack(
        "admin-api-changes", administers, (2, 12, 40), rule="admin_token_first_seen", minutes=20,
        also=_ABUSE, detail="An administrator's token makes keys and tools.",
    ),
    *attack(
        "importer-by-day", importer_by_day, (1, 12, 60), rule="admin_program_odd_hours",
        minutes=20, hours=(11.0, 17.0), also=_ABUSE,
        detail="The importer's program lists administrators and widens roles by day.",
    ),
    *attack(
        "provisioning-at-night", provisioning_at_night, (1, 12, 60),
        rule="admin_program_odd_hours", minutes=20, hours=NIGHT, also=_ABUSE,
        detail="The provisioning program reads users and makes keys at night.",
    ),
    *attack(
        "admin-settings-at-night", settings_at_night, (1, 6, 20), rule="admin_odd_hours",
        minutes=20, hours=NIGHT, also=_ABUSE, detail="Account settings are changed at night.",
    ),
    *attack(
        "admin-roles-at-night", roles_at_night, (1, 6, 20), rule="admin_odd_hours",
        minutes=20, hours=NIGHT, also=_ABUSE, detail="Roles are widened at night.",
    ),
    *attack(
        "unknown-key-reads", unknown_reader, (2, 40, 300), rule="unknown_developer_key", minutes=30,
        hours=ANY_HOUR, also=_ABUSE, detail="A key that was never seen reads grades.",
    ),
    *attack(
        "unknown-key-writes", unknown_writer, (2, 20, 100), rule="unknown_developer_key",
        minutes=30, hours=ANY_HOUR, also=_ABUSE, detail="A key that was never seen writes.",
    ),
    *attack(
        "throttled-reader", throttled, (15, 150, 600), rule="throttled_key", minutes=20,
        hours=ANY_HOUR, also=_REFUSED, detail="A reporting token is refused for asking too fast.",
    ),
    *attack(
        "throttled-app", throttled_app, (15, 100, 400), rule="throttled_key", minutes=20,
        also=_REFUSED, detail="A script with the app's key is refused for asking too fast.",
    ),
    *attack(
        "token-expired", expired_token, (20, 150, 600), rule="unauthorized_wave", minutes=30,
        hours=OFFICE, also=_REFUSED, detail="A program goes on with a token that expired.",
    ),
    *attack(
        "app-tokens-expired", expired_app, (20, 120, 500), rule="unauthorized_wave", minutes=30,
        hours=OFFICE, also=_REFUSED, detail="Many phones meet expired tokens at once.",
    ),
)  # fmt: skip
