"""Small mishaps and odd habits of people, programs and feeds: benign, no alert may come of them."""

from typing import Final

from pipeline.domain.event_time import MICROS
from pipeline.simulator import routes
from pipeline.simulator.attacks import paths
from pipeline.simulator.attacks.drill import NIGHT, OFFICE, Drill, look_alike
from pipeline.simulator.attacks.failures import ACCOUNT_TOOL, events_stop, rows_stop
from pipeline.simulator.attacks.logins import get_in
from pipeline.simulator.attacks.reading import open_link
from pipeline.simulator.attacks.scene import Scene
from pipeline.simulator.attacks.tokens import importer, provisioning, reader, run
from pipeline.simulator.client import Client
from pipeline.simulator.help_desk import become, look_up, stop_acting
from pipeline.simulator.instance import MOBILE_KEY_IDS
from pipeline.simulator.pages import HELPED
from pipeline.simulator.programs import FIRST_READER_KEY
from pipeline.simulator.university import CAMPUS_IPS
from pipeline.simulator.user_agents import DESKTOP, PHONES, SCRIPT

WORDS_OF_REQUESTS: Final = "python-requests/2.{}.{}"
FAILING_LAUNCHES: Final = (10, 11, 12)


def page_not_published(scene: Scene) -> None:
    """Let a teacher announce a page that is not published yet: who opens it, finds nothing."""
    course = scene.dice.pick(scene.somebody("teacher").courses)
    item = scene.dice.pick(course.items("page"))
    for at in scene.clock(scene.size):
        journey = scene.journey(scene.at_home(scene.somebody("student")), at)
        journey.ask(routes.WIKI_PAGE, course, item, status=404)
        scene.pause(journey, 10)
        journey.open((routes.COURSE_HOME, routes.GRAPHQL), course)


def tool_restarts(scene: Scene) -> None:
    """Let a few launches of a tool fail once, while its server starts anew; all others work."""
    for number, at in enumerate(scene.clock(scene.size)):
        person = scene.somebody("student")
        journey = scene.journey(scene.at_home(person), at)
        course = scene.dice.pick(person.courses)
        for status in (502, 200) if number in FAILING_LAUNCHES else (200,):
            journey.ask(routes.TOOL, course, ACCOUNT_TOOL, status=status)
            scene.pause(journey, 20)


def app_logs_in_again(scene: Scene) -> None:
    """Let a few phones find their login expired, and get a new one."""
    for at in scene.clock(scene.size):
        person = scene.somebody("student")
        client = scene.token(person, MOBILE_KEY_IDS["ios"], person.home_ip, PHONES["ios"])
        journey = scene.journey(client, at)
        for status in (401, 200, 200):
            journey.ask(routes.CARDS, status=status)
            scene.pause(journey, 15)


def program_slows_down(scene: Scene) -> None:
    """Let a reporting program ask too fast, be refused some times, and wait."""
    service, key, ip = reader(scene)
    journey = scene.journey(scene.token(service, key, ip, SCRIPT), scene.moment.start_us)
    for _ in range(scene.size):
        journey.ask(routes.READ_ENROLLMENTS, scene.dice.pick(scene.world.university.courses))
        scene.pause(journey, 2)
        journey.ask(
            routes.READ_ENROLLMENTS, scene.dice.pick(scene.world.university.courses), status=403
        )
        scene.pause(journey, 30)


def longer_report(scene: Scene) -> None:
    """Let a reporting program read more than on other days: the end of a month."""
    service, key, ip = reader(scene)
    client = scene.token(service, key, ip, SCRIPT)
    run(scene, client, (routes.READ_COURSES, routes.READ_ENROLLMENTS), scene.size)


def script_on_a_laptop(scene: Scene) -> None:
    """Let one teacher run a script of his own wherever he is, and keep it up to date."""
    below = scene.dice.below
    teacher = scene.world.university.of_kind("teacher")[0]
    ip = scene.dice.pick((teacher.home_ip, scene.dice.pick(CAMPUS_IPS), scene.stranger_ip()))
    agent = WORDS_OF_REQUESTS.format(20 + below(13), below(4))
    journey = scene.journey(
        scene.token(teacher, FIRST_READER_KEY + 1, ip, agent), scene.moment.start_us
    )
    for at in scene.clock(scene.size):
        journey.at = at
        journey.ask(routes.READ_ENROLLMENTS, scene.dice.pick(teacher.courses))


def nightly_settings(scene: Scene) -> None:
    """Let the importer's program set a few settings of the account, at night."""
    run(scene, importer(scene), (paths.CHANGED_ACCOUNT,), scene.size, status=lambda: 200)


def import_repeated(scene: Scene) -> None:
    """Let the importer's program try again, hours later, what failed in the night."""
    steps = (routes.SIS_IMPORT, routes.SIS_STATUS, routes.SIS_STATUS, routes.SIS_DONE)
    run(scene, importer(scene), steps, scene.size, status=lambda: 200)


def provisions(scene: Scene) -> None:
    """Let the administrators' program look after accounts, as it does every day."""
    run(scene, provisioning(scene), (paths.READ_USERS, paths.CHANGED_ROLE), scene.size)


def logins_looked_at(scene: Scene) -> None:
    """Let an administrator look up how people log in and who administers, and change nothing."""
    journey = scene.journey(scene.at_home(scene.somebody("admin")), scene.moment.start_us)
    for at in scene.clock(scene.size):
        journey.at = max(journey.at, at)
        journey.open((routes.SETTINGS, paths.READ_LOGIN_PROVIDERS, paths.READ_ADMINS), None)


def acts_for_somebody(scene: Scene) -> None:
    """Let the help desk hand in work for people, and once meet a page that is not theirs."""
    journey = scene.journey(scene.at_home(scene.somebody("help_desk")), scene.moment.start_us)
    for number, at in enumerate(scene.clock(scene.size)):
        target = scene.somebody("student")
        journey.at = max(journey.at, at)
        look_up(journey, target)
        become(journey, target)
        journey.open(HELPED.draw(scene.dice), scene.dice.pick(target.courses))
        journey.open((routes.SUBMIT, routes.ASSIGNMENT), scene.dice.pick(target.courses))
        if not number:
            journey.ask(routes.SETTINGS, status=401)
        stop_acting(journey)


def session_goes_along(scene: Scene) -> None:
    """Let a session go from home to the campus, in a browser that was updated; write at home."""
    person = scene.somebody("student")
    home = scene.at_home(person)
    campus = Client(
        person=person,
        session=home.session,
        ip=scene.dice.pick(CAMPUS_IPS),
        agent=scene.dice.pick(DESKTOP),
    )
    first, last = scene.moment.start_us, (scene.moment.start_us + scene.moment.end_us) // 2
    for client, at in ((home, first), (campus, last)):
        journey = scene.journey(client, at)
        for step in range(scene.size):
            writes = client is home and step % 2
            page = (routes.MESSAGE, routes.INBOX_API) if writes else (routes.COURSE_HOME,)
            journey.open(page, scene.dice.pick(person.courses))
            journey.pause(10)


def link_among_friends(scene: Scene) -> None:
    """Let a file's link with its verifier be opened by a few friends."""
    open_link(scene, paths.FILE_LINK, None)


def many_mistype(scene: Scene) -> None:
    """Let people at home mistype once, each before he gets in: passwords had to be changed."""
    for person, at in zip(
        scene.people("student", scene.size), scene.clock(scene.size), strict=True
    ):
        journey = scene.journey(scene.stranger(person.home_ip, person.desktop_agent), at)
        journey.ask(routes.LOGIN, status=400)
        journey.at += 10 * MICROS
        get_in(journey, person)


def quiz_closes(scene: Scene) -> None:
    """Let a quiz close: answers of a class are saved, those of a few who are late are refused."""
    course = scene.dice.pick(scene.somebody("teacher").courses)
    item = scene.dice.pick(course.items("quiz"))
    for number, at in enumerate(scene.clock(30 + scene.size)):
        journey = scene.journey(scene.at_home(scene.somebody("student")), at)
        late = number >= 30
        journey.ask(routes.QUIZ_BACKUP, course, item, status=400 if late else 200)


MISHAPS: Final[tuple[Drill, ...]] = (
    look_alike(
        "page-not-published", page_not_published, 12, minutes=20,
        like=("error_spike_4xx_controller", "error_spike_4xx_instance"),
        detail="A dozen people open a page that is not published yet.",
    ),
    look_alike(
        "tool-restarts", tool_restarts, 25, minutes=60,
        like=("tool_launch_errors",),
        detail="Three of 25 launches of a tool fail once each.",
    ),
    look_alike(
        "app-logs-in-again", app_logs_in_again, 12, minutes=30, hours=(8.0, 20.0),
        like=("unauthorized_wave",),
        detail="A dozen phones find their login expired.",
    ),
    look_alike(
        "program-slows-down", program_slows_down, 10, minutes=10,
        like=("throttled_key",),
        detail="A reporting program is refused ten times, and waits each time.",
    ),
    look_alike(
        "longer-report", longer_report, 40, minutes=30, hours=(6.0, 20.0),
        like=("course_scraping", "token_bulk_read"),
        detail="A reporting program reads twice as much as usual.",
    ),
    look_alike(
        "script-on-a-laptop", script_on_a_laptop, 6, minutes=10, hours=(8.0, 20.0),
        like=("token_new_agent", "token_new_network", "unknown_developer_key"),
        detail="A teacher runs a known program wherever he is.",
    ),
    look_alike(
        "nightly-settings", nightly_settings, 2, minutes=10, hours=NIGHT,
        like=("admin_odd_hours", "admin_program_odd_hours", "admin_token_first_seen"),
        detail="The importer's program sets settings of the account at night.",
    ),
    look_alike(
        "import-repeated", import_repeated, 8, minutes=15, hours=(3.0, 5.0),
        like=("admin_program_odd_hours",),
        detail="The nightly import failed and is tried again before the morning.",
    ),
    look_alike(
        "provisioning", provisions, 4, minutes=15, hours=OFFICE,
        like=("admin_program_odd_hours",),
        detail="The administrators' program looks after accounts by day.",
    ),
    look_alike(
        "logins-looked-at", logins_looked_at, 3, minutes=30, hours=OFFICE,
        like=("admin_surface_logins",),
        detail="An administrator looks at login providers and administrators.",
    ),
    look_alike(
        "acts-for-somebody", acts_for_somebody, 3, minutes=40,
        like=("masquerade_of_admin", "masqueraded_writes"),
        detail="The help desk hands in work for three people.",
    ),
    look_alike(
        "session-goes-along", session_goes_along, 5, minutes=60, hours=(8.0, 19.0),
        like=("session_from_two_agents", "session_from_two_networks"),
        detail="A session goes on in another network and browser, reading only.",
    ),
    look_alike(
        "link-among-friends", link_among_friends, 3, minutes=60, hours=(8.0, 20.0),
        like=("shared_link",),
        detail="Three friends open a file's link.",
    ),
    look_alike(
        "many-mistype", many_mistype, 10, minutes=30, hours=(7.5, 10.0),
        like=("credential_stuffing_many",),
        detail="Ten people mistype a new password, each at home.",
    ),
    look_alike(
        "quiz-closes", quiz_closes, 3, minutes=20,
        like=("quiz_refusals",),
        detail="Three answers to a quiz come too late.",
    ),
    look_alike(
        "events-pause", events_stop, 0, minutes=10,
        like=("live_events_silent",),
        detail="No Live Event arrives for ten minutes.",
    ),
    look_alike(
        "rows-pause", rows_stop, 0, minutes=10,
        like=("web_logs_silent",),
        detail="No row of web_logs arrives for ten minutes.",
    ),
)  # fmt: skip
