"""Pages of the Course Audit log, as Canvas's API answers them: the newest event first."""

import uuid
from collections.abc import Sequence
from typing import Final, NamedTuple

from pipeline.simulator.instance import HOST
from pipeline.simulator.request import Audit, JobEvent, Request
from pipeline.simulator.times import iso_s

PER_PAGE: Final = 100
IMPORTER: Final = 1
"""The user in whose name imports change courses."""

_LINKS: Final = (
    f'"links":{{"events.course":"https://{HOST}/api/v1/courses/{{events.course}}"'
    ',"events.user":null,"events.sis_batch":null}'
)


class Noted(NamedTuple):
    """An event and the page view that is sent along, both as JSON text."""

    time_us: int
    event: str
    view: str | None


class _Cause(NamedTuple):
    """What changed a course; JSON text but for the name, which makes the identity of the event."""

    name: str
    source: str
    user: str
    page_view: str = "null"
    sis_batch: str = "null"


def of_request(request: Request) -> list[Noted]:
    """Note what a request changed; half of the requests of browsers have a page view."""
    client = request.client
    view, page_view = None, "null"
    if client.session is not None and int(request.id[0], 16) % 2 == 0:
        page_view = f'"{request.id}"'
        view = f'{{"id":{page_view},"session_id":"{client.session}"}}'
    source = "api" if client.session is None else "manual"
    user = "null" if client.person is None else str(client.person.user_id)
    cause = _Cause(request.id, source, user, page_view)
    return [
        Noted(request.time_us, _event(request.time_us, audit, cause), view)
        for audit in request.audits
    ]


def of_job(job: JobEvent) -> list[Noted]:
    """Note what an import changed."""
    batch = str(int(job.job_id) % 1_000_000)
    cause = _Cause(f"{job.job_id}/{job.time_us}", "sis", str(IMPORTER), sis_batch=batch)
    return [Noted(job.time_us, _event(job.time_us, audit, cause), None) for audit in job.audits]


def pages(noted: Sequence[Noted]) -> list[str]:
    """Return events as pages, a line each."""
    newest = sorted(noted, reverse=True)
    return [_page(newest[first : first + PER_PAGE]) for first in range(0, len(newest), PER_PAGE)]


def _page(noted: Sequence[Noted]) -> str:
    events = ",".join(each.event for each in noted)
    views = ",".join(sorted({each.view for each in noted if each.view is not None}))
    return (
        f'{{{_LINKS},"events":[{events}]'
        f',"linked":{{"page_views":[{views}],"courses":[],"users":[]}}}}'
    )


def _event(time_us: int, audit: Audit, cause: _Cause) -> str:
    name = f"https://{HOST}/audit/{cause.name}/{audit.type}/{audit.course}"
    return (
        f'{{"id":"{uuid.uuid5(uuid.NAMESPACE_URL, name)}","created_at":"{iso_s(time_us)}"'
        f',"event_type":"{audit.type}","event_source":"{cause.source}","event_data":{audit.data}'
        f',"links":{{"course":{audit.course},"user":{cause.user},"page_view":{cause.page_view}'
        f',"sis_batch":{cause.sis_batch}{audit.link}}}}}'
    )
