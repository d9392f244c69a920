"""Live Events in Canvas's own format, one JSON object with `metadata` and `body` per event."""

import math
from typing import Final

from pipeline.domain.event_time import MICROS
from pipeline.simulator import chances
from pipeline.simulator.client import LIVE_ROOT
from pipeline.simulator.instance import HOST, ROOT_ACCOUNT_ID, global_id
from pipeline.simulator.request import JobEvent, LiveEvent, Request
from pipeline.simulator.times import iso_ms

MEAN_DELAY_S: Final = 3.0
# Readers allow two minutes; out of order by more than this is lateness, not jitter.
LONGEST_DELAY: Final = 85 * MICROS

_ACCOUNT_CONTEXT: Final = (
    f',"context_type":"Account","context_id":"{global_id(ROOT_ACCOUNT_ID)}"'
    f',"context_account_id":"{global_id(ROOT_ACCOUNT_ID)}","context_sis_source_id":null'
)


def event_time_us(request: Request, end_us: int) -> int:
    """Give the instant of a request's events: while it is served, before the end."""
    served = request.time_us + min(request.duration_us // 2, MICROS)
    return min(served - served % 1_000, end_us - 1_000)


def delay_us(request_id: str) -> int:
    """Give how long the delivery of a request's events takes."""
    share = (chances.delivery_bits(request_id) + 1) / 2**32
    return min(int(-math.log(share) * MEAN_DELAY_S * MICROS), LONGEST_DELAY)


def event_line(request: Request, event: LiveEvent, time_us: int, time_zone: str) -> str:
    """Write an event that a request caused."""
    client, route, course = request.client, request.route, request.course
    context = ""
    if course is not None and route.context == "course":
        context = f"{course.live_context}{client.live_role}"
    elif route.context == "account":
        context = f"{_ACCOUNT_CONTEXT}{client.live_role}"
    referrer = "null" if request.referrer is None else f'"{request.referrer}"'
    zone = "" if client.person is None else f',"time_zone":"{time_zone}"'
    return (
        f'{{"metadata":{{"event_name":"{event.name}","event_time":"{iso_ms(time_us)}"'
        f',"request_id":"{request.id}","http_method":"{route.method}"'
        f',"url":"https://{HOST}{request.url}","referrer":{referrer}{zone}{context}'
        f',{client.live}}},"body":{event.body}}}'
    )


def job_line(job: JobEvent) -> str:
    """Write an event that a background job caused: no request, no user, no session."""
    return (
        f'{{"metadata":{{"event_name":"{job.name}","event_time":"{iso_ms(job.time_us)}"'
        f',"job_id":"{job.job_id}","job_tag":"{job.job_tag}",{LIVE_ROOT}}},"body":{job.body}}}'
    )
