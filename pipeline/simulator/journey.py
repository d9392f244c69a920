"""One client's walk through Canvas: requests in the order of their times."""

from bisect import bisect
from collections.abc import Sequence
from typing import Final

from pipeline.domain.event_time import MICROS
from pipeline.simulator.client import Client
from pipeline.simulator.dice import Dice
from pipeline.simulator.events import Occasion, live_events
from pipeline.simulator.instance import HOST
from pipeline.simulator.person import Course, Person
from pipeline.simulator.request import LiveEvent, Request, Route

# Status of what fails by itself, as running shares of all requests. No public figures exist;
# with logins, redirects and tokens the mix comes to the one assumed for Canvas: 401 2 %,
# 404 1.5 %, 403 0.7 %, 400/422 0.8 %, 5xx 0.3 %; one in 20,000 has a code outside the standard.
_NOISE: Final = (
    (0.0150, 304),
    (0.0290, 404),
    (0.0450, 401),
    (0.0520, 403),
    (0.0560, 400),
    (0.0595, 422),
    (0.0613, 500),
    (0.0619, 502),
    (0.0625, 503),
    (0.0626, 499),
    (0.06265, 520),
)
_NOISE_SHARES: Final = tuple(share for share, _ in _NOISE)
_NOISE_STATUS: Final = tuple(status for _, status in _NOISE)
_NOISE_TOTAL: Final = _NOISE_SHARES[-1]

LONGEST_US: Final = 30 * MICROS
DURATION_SIGMA: Final = 0.7


class Journey:
    """Collects the requests of one client from `at` on; times of requests are whole ms.

    Whoever walks it asks for `over` before going on: what lies after `end_us` is not simulated.
    `noise` scales how often a request fails by itself. `subjects` are the people whose work or
    profile the client looks at; none: his own.
    """

    __slots__ = ("at", "client", "dice", "end_us", "noise", "referrer", "requests", "subjects")

    def __init__(
        self, client: Client, at: int, end_us: int, dice: Dice, *, noise: float = 1.0
    ) -> None:
        self.client = client
        self.at = at
        self.end_us = end_us
        self.noise = noise
        self.dice = dice
        self.referrer: str | None = None
        self.subjects: Sequence[Person] = ()
        self.requests: list[Request] = []

    @property
    def over(self) -> bool:
        """Whether the end of the simulation is reached."""
        return self.at >= self.end_us

    def pause(self, median_s: float, sigma: float = 0.8) -> None:
        """Let time pass."""
        self.at += int(self.dice.log_normal(median_s, sigma) * MICROS)

    def ask(
        self,
        route: Route,
        course: Course | None = None,
        item: int = 0,
        *,
        subject: Person | None = None,
        status: int | None = None,
    ) -> Request:
        """Make one request now; a fixed `status` keeps chance out of it."""
        dice, client, at = self.dice, self.client, self.at
        at -= at % 1_000
        if status is None:
            status = _status(route, dice, self.noise)
        user = subject or client.person
        url = route.url
        if "{" in url:
            url = url.format(
                c=0 if course is None else course.id, i=item, u=0 if user is None else user.user_id
            )
        events: tuple[LiveEvent, ...] = ()
        if route.emits and status < 400:
            events = live_events(Occasion(at, client, route, course, item, subject, dice))
        duration = int(dice.log_normal(route.median_ms, DURATION_SIGMA) * 1_000)
        request = Request(
            at,
            dice.uuid4(),
            client,
            route,
            url,
            status,
            min(duration, LONGEST_US),
            course,
            item,
            self.referrer,
            events,
        )
        self.requests.append(request)
        return request

    def open(
        self, steps: tuple[Route, ...], course: Course | None, item: int | None = None
    ) -> None:
        """Open a page: the click, then what the page fetches within the next second or two."""
        dice = self.dice
        for step, route in enumerate(steps):
            if step:
                self.at += int((60 + 540 * dice.uniform()) * 1_000)
            number = self.item_of(route, course) if item is None else item
            subject = dice.pick(self.subjects) if self.subjects else None
            self.ask(route, course, number, subject=subject)
            # The page's own requests name the page they belong to.
            if route.median_ms >= 80 and route.method == "GET":
                self.referrer = f"https://{HOST}{self.requests[-1].url}"

    def item_of(self, route: Route, course: Course | None) -> int:
        """Draw the thing a route is about."""
        if route.item == "conversation" or course is None:
            return 1_000 + self.dice.below(50_000)
        items = course.items(route.item)
        return self.dice.pick(items) if items else course.id


def _status(route: Route, dice: Dice, noise: float) -> int:
    chance = dice.uniform() / noise
    if chance >= _NOISE_TOTAL:
        return route.status
    status = _NOISE_STATUS[bisect(_NOISE_SHARES, chance)]
    return route.status if status == 304 and route.method != "GET" else status
