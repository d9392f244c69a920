"""Attacks by reading: mass download, scraping of courses, links that went round."""

from typing import Final

from pipeline.simulator import routes
from pipeline.simulator.attacks import paths
from pipeline.simulator.attacks.drill import ANY_HOUR, Drill, attack
from pipeline.simulator.attacks.scene import Scene
from pipeline.simulator.client import Client
from pipeline.simulator.request import Route
from pipeline.simulator.user_agents import SCRIPT

FEED_READER: Final = "Microsoft Office/16.0 (Microsoft Outlook 16.0)"


def download_all(scene: Scene) -> None:
    """Download file after file of one's own courses, in the browser."""
    person = scene.somebody("student")
    journey = scene.journey(scene.at_home(person), scene.moment.start_us)
    for at in scene.clock(scene.size):
        journey.at = at
        course = scene.dice.pick(person.courses)
        journey.ask(routes.DOWNLOAD, course, scene.dice.pick(course.items("file")))
    scene.about("downloader", person.user_id)


def download_by_program(scene: Scene) -> None:
    """Download everything a token can see."""
    person = scene.somebody("teacher")
    client = scene.token(person, 55, scene.stranger_ip(), SCRIPT)
    journey = scene.journey(client, scene.moment.start_us)
    for at in scene.clock(scene.size):
        journey.at = at
        course = scene.dice.pick(scene.world.university.courses)
        journey.ask(paths.SINGLE_PASS, course, scene.dice.pick(course.items("file")))
    scene.about("downloader", person.user_id)


def scrape_by_program(scene: Scene) -> None:
    """Walk through courses with a token: modules and pages of each."""
    person = scene.somebody("teacher")
    client = scene.token(person, 55, person.home_ip, SCRIPT)
    _scrape(scene, client, (routes.MODULES_API, routes.MOBILE_PAGES, routes.READ_ENROLLMENTS))
    scene.about("api_actor", person.user_id)


def scrape_app(scene: Scene) -> None:
    """Walk through courses with the app's key: rosters and submissions of each."""
    person = scene.somebody("admin")
    client = scene.token(person, 21, scene.stranger_ip(), SCRIPT)
    _scrape(scene, client, (routes.MOBILE_COURSE, paths.READ_GRADES))
    scene.about("api_actor", person.user_id)


def feed_goes_round(scene: Scene) -> None:
    """Let a calendar feed's secret address be read from many networks."""
    open_link(scene, paths.FEED_LINK, FEED_READER)


def file_goes_round(scene: Scene) -> None:
    """Let a file's link with its verifier be opened from many networks."""
    open_link(scene, paths.FILE_LINK, None)


def _scrape(scene: Scene, client: Client, steps: tuple[Route, ...]) -> None:
    courses = scene.dice.sample(scene.world.university.courses, scene.size)
    journey = scene.journey(client, scene.moment.start_us)
    for course, at in zip(courses, scene.clock(len(courses)), strict=True):
        journey.at = at
        for route in steps:
            journey.ask(route, course)
            scene.pause(journey, 1)


def open_link(scene: Scene, route: Route, agent: str | None) -> None:
    """Let strangers open one link, each once."""
    number = 10_000_000 + scene.dice.below(1_000_000)
    for at in scene.clock(scene.size):
        stranger = scene.stranger(agent=agent)
        client = Client(person=None, session=None, ip=stranger.ip, agent=stranger.agent)
        scene.journey(client, at).ask(route, None, number)


_READING: Final = (
    "mass_download",
    "unknown_developer_key",
    "course_scraping",
    "token_",
    "session_from",
    "admin_api",
)

READING_ATTACKS: Final[tuple[Drill, ...]] = (
    *attack(
        "download-all", download_all, (50, 200, 800), rule="mass_download", minutes=30,
        hours=ANY_HOUR, also=_READING, detail="A student downloads file after file.",
    ),
    *attack(
        "download-by-program", download_by_program, (50, 200, 800), rule="mass_download",
        minutes=30, hours=ANY_HOUR, also=_READING, detail="A token downloads everything.",
    ),
    *attack(
        "scrape-by-program", scrape_by_program, (10, 30, 60), rule="course_scraping", minutes=30,
        hours=ANY_HOUR, also=_READING, detail="A token walks through courses.",
    ),
    *attack(
        "scrape-app", scrape_app, (10, 30, 60), rule="course_scraping", minutes=20,
        hours=ANY_HOUR, also=_READING, detail="The app's key walks through courses.",
    ),
    *attack(
        "feed-goes-round", feed_goes_round, (4, 20, 80), rule="shared_link", minutes=90,
        hours=ANY_HOUR, detail="A calendar feed is read from many networks.",
    ),
    *attack(
        "file-goes-round", file_goes_round, (4, 20, 80), rule="shared_link", minutes=60,
        hours=ANY_HOUR, detail="A file's verifier link is opened from many networks.",
    ),
)  # fmt: skip
