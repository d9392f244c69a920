"""The whole simulation as values: background, attacks, lines, parts of files."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from pipeline.domain.feeds import COURSE_AUDIT, LIVE_EVENTS, WEB_LOGS, Feed
from pipeline.simulator.attacks import chosen_attacks
from pipeline.simulator.attacks.attack import Attack
from pipeline.simulator.attacks.placement import begin_attacks
from pipeline.simulator.bad_lines import BadLine, bad_lines
from pipeline.simulator.config import SimulationConfig
from pipeline.simulator.course_audit import of_job, of_request
from pipeline.simulator.dice import Dice
from pipeline.simulator.labels import AttackLabel, BadLineLabel, LookAlike
from pipeline.simulator.request import JobEvent, Request
from pipeline.simulator.streams import BAD_LINES
from pipeline.simulator.summary import SimulationSummary
from pipeline.simulator.traffic import Hour, background
from pipeline.simulator.windows import (
    WINDOW,
    CourseAuditWindows,
    LiveEventWindows,
    Part,
    WebLogWindows,
)
from pipeline.simulator.world import World

Begin = Callable[[World], list[Attack]]
"""Prepares the attacks of a world."""


class NamedPart(NamedTuple):
    """A file's path below the output directory, and its lines."""

    file: str
    lines: list[str]


class Simulation:
    """Runs a configuration; memory is bounded by a day's plan and two windows of lines."""

    def __init__(self, config: SimulationConfig, begin: Begin | None = None) -> None:
        """Take a configuration; `begin` prepares other attacks than those it names."""
        self._config = config
        self._world = World.of(config)
        if begin is None:
            self._attacks = begin_attacks(self._world, chosen_attacks(config.attacks))
        else:
            self._attacks = begin(self._world)
        self._web_logs = WebLogWindows(config.end_us, config.seed)
        self._live_events = LiveEventWindows(config.end_us, config.time_zone)
        self._course_audit = CourseAuditWindows(config.end_us)
        self._dice = Dice(config.seed, BAD_LINES)
        self._bad = self._plan_bad_lines()
        self._bad_labels: list[BadLineLabel] = []
        self._look_alikes: list[LookAlike] = []
        self._files: dict[Feed, list[str]] = {WEB_LOGS: [], LIVE_EVENTS: [], COURSE_AUDIT: []}
        self._sessions = 0
        self._masqueraded = 0
        self._server_errors = 0

    def hours(self) -> Iterator[list[NamedPart]]:
        """Simulate hour by hour; gives the files that each hour completes."""
        end_us = self._config.end_us
        for hour in background(self._world):
            self._add(hour)
            last = hour.end_us == end_us
            parts = self._named(WEB_LOGS, self._web_logs.close(hour.end_us), last=last)
            parts += self._named(LIVE_EVENTS, self._live_events.close(hour.end_us), last=last)
            parts += self._named(COURSE_AUDIT, self._course_audit.close(hour.end_us), last=last)
            yield parts

    def summary(self) -> SimulationSummary:
        """Give the totals so far; complete when all hours are done."""
        labels = [attack.label() for attack in self._attacks]
        return SimulationSummary(
            config=self._config,
            web_log_rows=self._web_logs.rows,
            corrections=self._web_logs.corrections,
            deletions=self._web_logs.deletions,
            live_events=self._live_events.events,
            audit_events=self._course_audit.events,
            sessions=self._sessions,
            masqueraded_rows=self._masqueraded,
            server_errors=self._server_errors,
            bad_lines=tuple(self._bad_labels),
            attacks=tuple(label for label in labels if isinstance(label, AttackLabel)),
            look_alikes=(
                *self._look_alikes,
                *(label for label in labels if isinstance(label, LookAlike)),
            ),
            files=tuple(file for files in self._files.values() for file in files),
        )

    def _add(self, hour: Hour) -> None:
        self._look_alikes += hour.look_alikes
        for requests in hour.journeys:
            self._write(self._touched(requests))
        for attack in self._attacks:
            if hour.start_us <= attack.moment.start_us < hour.end_us:
                for requests in attack.journeys():
                    self._write(requests)
                for job in attack.jobs():
                    self._add_job(job)
        for job in hour.jobs:
            self._add_job(job)

    def _add_job(self, job: JobEvent) -> None:
        self._live_events.add_job(job)
        self._course_audit.add(of_job(job))

    def _touched(self, requests: list[Request]) -> list[Request]:
        for attack in self._attacks:
            moment = attack.moment
            if requests[-1].time_us >= moment.start_us and requests[0].time_us < moment.end_us:
                requests = [attack.touch(request) for request in requests]
        return requests

    def _write(self, requests: list[Request]) -> None:
        sessions = set()
        for request in requests:
            if request.logged:
                self._web_logs.add(request)
            if request.events:
                self._live_events.add(request)
            if request.audits:
                self._course_audit.add(of_request(request))
            sessions.add(request.client.session)
            if request.client.real is not None:
                self._masqueraded += 1
            if 500 <= request.status <= 599:
                self._server_errors += 1
        self._sessions += len(sessions - {None})

    def _plan_bad_lines(self) -> list[tuple[int, BadLine]]:
        """Spread bad lines evenly over the run; gives each with its window."""
        config = self._config
        count = config.bad_lines
        step = (config.end_us - config.start_us) // (count + 1)
        times = [config.start_us + step * (n + 1) for n in range(count)]
        times = [time - time % 1_000 for time in times]
        lines = bad_lines(count, times, self._dice)
        return [(time // WINDOW, line) for time, line in zip(times, lines, strict=True)]

    def _named(self, feed: Feed, closed: Iterable[Part], *, last: bool) -> list[NamedPart]:
        parts = list(closed)
        if last and not parts:
            parts = [Part((self._config.end_us - 1) // WINDOW, [])]
        named = []
        for number, part in enumerate(parts):
            all_left = last and number == len(parts) - 1
            name = self._next_file(feed)
            self._spoil(feed, part, name, all_left=all_left)
            if part.lines:
                self._files[feed].append(name)
                named.append(NamedPart(name, part.lines))
        return named

    def _next_file(self, feed: Feed) -> str:
        suffix = ".gz" if self._config.gzip else ""
        return f"{feed}/part-{len(self._files[feed]):05d}.jsonl{suffix}"

    def _spoil(self, feed: Feed, part: Part, file: str, *, all_left: bool) -> None:
        """Put the bad lines that are due into a part, at random places."""
        due: list[BadLine] = []
        waiting: list[tuple[int, BadLine]] = []
        for window, line in self._bad:
            if line.feed == feed and (all_left or window <= part.window):
                due.append(line)
            else:
                waiting.append((window, line))
        self._bad = waiting
        places = sorted(self._dice.below(len(part.lines) + 1) for _ in due)
        # From low to high: a later line never moves an earlier one.
        for offset, (place, line) in enumerate(zip(places, due, strict=True)):
            part.lines.insert(place + offset, line.text)
            self._bad_labels.append(BadLineLabel(feed, line.kind, file, place + offset + 1))
