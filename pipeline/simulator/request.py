"""Requests, routes they take, and events made outside any request."""

from typing import NamedTuple

from pipeline.simulator.client import Client
from pipeline.simulator.person import Course


class Asset(NamedTuple):
    """How `asset_accessed` describes what a route shows; type "" is the course's own."""

    type: str
    subtype: str | None
    category: str
    level: str | None = None


class Route(NamedTuple):
    """A controller's action as people reach it.

    `url` may hold {c} (course id), {i} (item id), {u} (user id). `item` is the kind of thing
    the url names. `emits` names the Live Event that success causes. Duration is a median in
    milliseconds.
    """

    method: str
    controller: str
    action: str
    url: str
    item: str = ""
    emits: str = ""
    asset: Asset | None = None
    status: int = 200
    median_ms: float = 50.0
    context: str = "course"
    participated: bool = False

    @property
    def app(self) -> str:
        """Controller and action in one word, as alerts name them."""
        return f"{self.controller}#{self.action}"


class LiveEvent(NamedTuple):
    """A Live Event that a request causes; the body is JSON text."""

    name: str
    body: str


class Audit(NamedTuple):
    """What the Course Audit log notes of a change; `data` is JSON text of the changed fields."""

    type: str
    course: int
    data: str = "{}"
    link: str = ""


class Request(NamedTuple):
    """One request, as all feeds will tell it; `logged` False: web_logs never have it."""

    time_us: int
    id: str
    client: Client
    route: Route
    url: str
    status: int
    duration_us: int
    course: Course | None
    item: int
    referrer: str | None
    events: tuple[LiveEvent, ...]
    logged: bool = True
    audits: tuple[Audit, ...] = ()


class JobEvent(NamedTuple):
    """A Live Event made by a background job: no request, user or session."""

    time_us: int
    name: str
    body: str
    job_id: str
    job_tag: str
    audits: tuple[Audit, ...] = ()
