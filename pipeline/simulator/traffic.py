"""The background: everybody's journeys, hour by hour."""

from collections.abc import Iterator
from typing import NamedTuple

from pipeline.domain.event_time import HOUR
from pipeline.simulator.dice import Dice
from pipeline.simulator.jobs import sis_changes
from pipeline.simulator.labels import LookAlike
from pipeline.simulator.request import JobEvent, Request
from pipeline.simulator.schedule import Planned, plans
from pipeline.simulator.streams import JOBS, JOURNEYS
from pipeline.simulator.world import World


class Hour(NamedTuple):
    """What began within an hour; its requests may reach into later hours, never into earlier."""

    start_us: int
    end_us: int
    journeys: list[list[Request]]
    jobs: list[JobEvent]
    look_alikes: list[LookAlike]


def background(world: World) -> Iterator[Hour]:
    """Walk all journeys of the stretch; only what lies within it is given.

    The first hour also has what began before the start. Memory: one day's plan and one hour's
    requests.
    """
    dice = Dice(world.config.seed, JOURNEYS)
    jobs = Dice(world.config.seed, JOBS)
    days = plans(world)
    waiting: list[Planned] = []
    imports: list[int] = []
    position = 0
    for start in range(world.start_us, world.end_us, HOUR):
        end = start + HOUR
        look_alikes: list[LookAlike] = []
        # A day's plan is sorted and later days begin later: one look at the last is enough.
        while not waiting or waiting[-1].at < end:
            day = next(days, None)
            if day is None:
                break
            waiting = [*waiting[position:], *day.planned]
            position = 0
            imports += day.sis_imports
            look_alikes += day.look_alikes
        journeys: list[list[Request]] = []
        while position < len(waiting) and waiting[position].at < end:
            planned = waiting[position]
            position += 1
            requests = _within(planned.begin(dice).requests, world)
            if requests:
                journeys.append(requests)
        due = [at for at in imports if at < end]
        imports = [at for at in imports if at >= end]
        events = [event for at in due for event in sis_changes(world, at, jobs)]
        yield Hour(start, end, journeys, events, look_alikes)


def _within(requests: list[Request], world: World) -> list[Request]:
    if requests and requests[0].time_us >= world.start_us and requests[-1].time_us < world.end_us:
        return requests
    return [r for r in requests if world.start_us <= r.time_us < world.end_us]
