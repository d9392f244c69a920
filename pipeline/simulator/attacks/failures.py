"""Failures in strengths: pages, tools and the whole instance; feeds that stop or thin out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from pipeline.simulator import chances, routes
from pipeline.simulator.attacks.drill import OFFICE, STRENGTHS, Drill, attack
from pipeline.simulator.attacks.error_spike import DEPLOY_FAILS, INSTANCE_DOWN, ErrorSpike
from pipeline.simulator.attacks.scene import Scene
from pipeline.simulator.request import Request, Route

# The id of a tool that is installed for all courses at once.
ACCOUNT_TOOL: Final = 4

SPIKES: Final[tuple[ErrorSpike, ...]] = tuple(
    replace(
        kind,
        name=f"{kind.name}.{strength}",
        share=share,
        victims_per_minute=victims,
        victims_per_user=victims / 2_000,
        strength=strength,
    )
    for kind in (DEPLOY_FAILS, INSTANCE_DOWN)
    for strength, share, victims in zip(STRENGTHS, (0.1, 0.4, 0.8), (0.3, 2.0, 6.0), strict=True)
)


def tool_fails(scene: Scene) -> None:
    """Let launches of tools fail: each ends in a server error, and is tried again."""
    for at in scene.clock(scene.size):
        person = scene.somebody("student")
        journey = scene.journey(scene.at_home(person), at)
        course = scene.dice.pick(person.courses)
        for _ in range(1 + scene.dice.below(3)):
            journey.ask(routes.TOOL, course, ACCOUNT_TOOL, status=scene.dice.pick((500, 502, 504)))
            scene.pause(journey, 8)


def passback_fails(scene: Scene) -> None:
    """Let a tool's grades be refused: a misconfigured key, tried again and again."""
    for at in scene.clock(scene.size):
        course = scene.dice.pick(scene.world.university.courses)
        client = scene.token(None, 31, "192.0.2.10", "ExampleTool-LTI/4.2")
        journey = scene.journey(client, at)
        journey.ask(routes.PASSBACK, course, ACCOUNT_TOOL, status=500)


def failing(pages: tuple[Route, ...], status: int) -> Callable[[Scene], None]:
    """Return an act in which some pages fail people with a status, and they try again."""

    def act(scene: Scene) -> None:
        for at in scene.clock(scene.size):
            person = scene.somebody("student")
            journey = scene.journey(scene.at_home(person), at)
            course = scene.dice.pick(person.courses)
            for _ in range(1 + scene.dice.below(3)):
                page = scene.dice.pick(pages)
                journey.ask(page, course, journey.item_of(page, course), status=status)
                scene.pause(journey, 8)
        if len(pages) == 1:
            scene.about("controller_action", pages[0].app)

    return act


def events_stop(scene: Scene) -> None:
    """Let no Live Event arrive: the subscription was switched off."""
    scene.change = _without_events


def events_thin_out(scene: Scene) -> None:
    """Let a share of the Live Events be lost: `size` percent."""
    scene.change = _sometimes(scene.size, _without_events)


def rows_stop(scene: Scene) -> None:
    """Let no row of web_logs arrive, while Live Events go on."""
    scene.change = _without_row


def rows_thin_out(scene: Scene) -> None:
    """Let a share of the rows of web_logs be lost: `size` percent."""
    scene.change = _sometimes(scene.size, _without_row)


def _without_events(request: Request) -> Request:
    return request._replace(events=())


def _without_row(request: Request) -> Request:
    return request._replace(logged=False)


def _sometimes(percent: int, change: Callable[[Request], Request]) -> Callable[[Request], Request]:
    def changed(request: Request) -> Request:
        return change(request) if chances.outage_share(request.id) < percent / 100 else request

    return changed


_ERRORS: Final = ("error_spike", "tool_launch", "throttled", "unauthorized")
_MANY_PAGES: Final = (
    *(routes.ASSIGNMENTS, routes.SYLLABUS, routes.GRADES, routes.FILES, routes.QUIZZES),
    *(routes.TOPICS, routes.ROSTER, routes.MODULES, routes.ANNOUNCEMENTS, routes.COURSE_HOME),
)
_REFUSED: Final = ("error_spike_4xx", "unauthorized")
_SILENT: Final = ("live_events_", "web_logs_")

FAILURES: Final[tuple[Drill, ...]] = (
    *attack(
        "tool-fails", tool_fails, (4, 25, 120), rule="tool_launch_errors", minutes=20,
        hours=OFFICE, also=_ERRORS, detail="Launches of tools fail.",
    ),
    *attack(
        "tool-grades-fail", passback_fails, (6, 40, 200), rule="tool_launch_errors", minutes=30,
        hours=OFFICE, also=_ERRORS, detail="A tool's grades are refused with server errors.",
    ),
    *attack(
        "page-refused", failing((routes.ROSTER,), 403), (6, 120, 500),
        rule="error_spike_4xx_controller", minutes=20, hours=OFFICE, also=_REFUSED,
        detail="A permission is taken away: a page refuses everybody.",
    ),
    *attack(
        "page-gone", failing((routes.SYLLABUS,), 404), (6, 120, 500),
        rule="error_spike_4xx_controller", minutes=20, hours=OFFICE, also=_REFUSED,
        detail="A link in wide use leads to a page that is gone.",
    ),
    *attack(
        "access-lost", failing(_MANY_PAGES, 403), (10, 250, 800),
        rule="error_spike_4xx_instance", minutes=10, hours=OFFICE, also=_REFUSED,
        detail="A wrong change of roles: many pages refuse.",
    ),
    *attack(
        "links-gone", failing(_MANY_PAGES, 404), (10, 250, 800),
        rule="error_spike_4xx_instance", minutes=10, hours=OFFICE, also=_REFUSED,
        detail="Links into many courses lead nowhere.",
    ),
    *attack(
        "page-crashes", failing((routes.GRADES,), 500), (6, 120, 500),
        rule="error_spike_5xx_controller", minutes=20, hours=OFFICE, also=_ERRORS,
        detail="A page fails for everybody who has data of one kind.",
    ),
    *attack(
        "database-slow", failing(_MANY_PAGES, 504), (10, 250, 800),
        rule="error_spike_5xx_instance", minutes=10, hours=OFFICE, also=_ERRORS,
        detail="A slow database: requests to many pages time out.",
    ),
    *attack(
        "events-stop", events_stop, (0, 0, 0), rule="live_events_silent", minutes=(20, 60, 150),
        hours=OFFICE, also=_SILENT, detail="No Live Event arrives.",
    ),
    *attack(
        "events-thin-out", events_thin_out, (40, 90, 97), rule="live_events_silent", minutes=120,
        hours=OFFICE, also=_SILENT, detail="Most Live Events are lost.",
    ),
    *attack(
        "rows-stop", rows_stop, (0, 0, 0), rule="web_logs_silent", minutes=(20, 60, 150),
        hours=OFFICE, also=_SILENT, detail="No row of web_logs arrives.",
    ),
    *attack(
        "rows-thin-out", rows_thin_out, (40, 90, 97), rule="web_logs_silent", minutes=120,
        hours=OFFICE, also=_SILENT, detail="Most rows of web_logs are lost.",
    ),
)  # fmt: skip
