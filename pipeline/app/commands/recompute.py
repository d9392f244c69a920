"""``recompute``: results of the past once more, from the rows in ClickHouse (rule 28)."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from pipeline.app import wiring
from pipeline.app.instants import instant
from pipeline.app.progress import counting
from pipeline.app.recomputing import Job, Outcome, Recomputing
from pipeline.app.settings import Settings, load_settings
from pipeline.app.settled import Settled, settled, wait_for_sink
from pipeline.app.spooled_stats import SpooledStats
from pipeline.codecs.schemas import Schemas
from pipeline.domain.errors import OurMistake
from pipeline.domain.event_time import EventTimeRules
from pipeline.engine.recompute import Span, activity_days
from pipeline.ingest.clock import wall_clock
from pipeline.kafka.publisher import TransactionalPublisher
from pipeline.sink.client import client_of
from pipeline.sink.recorded import Recorded
from pipeline.sink.selections import EVERYTHING, late_minutes, late_sessions, one_session


@dataclass(frozen=True, slots=True)
class Order:
    """What to recompute: one of a range, a session id, or what late rows belong to."""

    since: str | None = None
    until: str | None = None
    session: str | None = None
    late_since: str | None = None
    dry_run: bool = False


def recompute(order: Order, settings: Settings | None = None) -> Outcome:
    """Recompute, publish what differs, print what that was."""
    settings = settings or load_settings()
    outcome = asyncio.run(_recompute(settings, order))
    _print(outcome, dry_run=order.dry_run)
    return outcome


async def _recompute(settings: Settings, order: Order) -> Outcome:
    _check(order)
    known = wiring.schemas(settings)
    until = await settled(settings, known)
    with counting("waiting for the sink", "offsets behind") as progressed:
        await wait_for_sink(settings, progressed)
    with client_of(settings.clickhouse()) as client:
        recorded = Recorded(client, known)
        jobs = _jobs(order, settings.event_time(), recorded, until)
        return await _run(settings, known, recorded, until, jobs, dry_run=order.dry_run)


async def _run(
    settings: Settings,
    known: Schemas,
    recorded: Recorded,
    until: Settled,
    jobs: Sequence[Job],
    *,
    dry_run: bool,
) -> Outcome:
    publisher = None
    if not dry_run:
        publisher = TransactionalPublisher(settings.kafka(), f"{settings.app_id}-recompute")
        await publisher.start()
    run = Recomputing(
        settings,
        known,
        wiring.rules(settings),
        recorded=recorded,
        publisher=publisher,
        until=until,
        now=wall_clock(),
    )
    try:
        with (
            tempfile.TemporaryDirectory(dir=settings.spool_dir) as directory,
            counting("recomputing", "rows") as progressed,
        ):
            await run.run(jobs, SpooledStats(Path(directory)), progressed)
    finally:
        if publisher is not None:
            await publisher.stop()
    return run.outcome


def _jobs(order: Order, rules: EventTimeRules, recorded: Recorded, until: Settled) -> list[Job]:
    if order.session is not None:
        selection = one_session(order.session)
        return [
            Job(day, selection) for day in _days(rules, recorded.times_of_session(order.session))
        ]
    if order.late_since is not None:
        since = instant("--late-since", order.late_since)
        days = _days(rules, recorded.times_of_late_rows(since))
        return [Job(day, of(since)) for day in days for of in (late_sessions, late_minutes)]
    start = instant("--since", order.since or "")
    end = instant("--until", order.until) if order.until else until.minutes
    if end <= start:
        raise OurMistake("The range to recompute is empty, or not final yet.")
    return [Job(day, EVERYTHING) for day in activity_days(rules, Span(start, end))]


def _days(rules: EventTimeRules, times: Sequence[int]) -> list[Span]:
    """Return the activity days of hours in which there are rows, each once."""
    found = {
        day for time in times for day in activity_days(rules, Span(time, time + 3_600_000_000))
    }
    return sorted(found)


def _check(order: Order) -> None:
    given = [order.since, order.session, order.late_since]
    if sum(one is not None for one in given) != 1:
        raise OurMistake("recompute needs one of --since, --session and --late-since")
    if order.until is not None and order.since is None:
        raise OurMistake("--until belongs to --since")


def _print(outcome: Outcome, *, dry_run: bool) -> None:
    console = Console(highlight=False)
    console.print(f"{outcome.rows:,} rows read")
    would = "would be " if dry_run else ""
    for kind, counts in outcome.counts.items():
        console.print(
            f"{kind}: {counts['revised']:,} {would}revised, {counts['new']:,} {would}new, "
            f"{counts['gone']:,} {would}gone; {counts['waiting']:,} not final yet"
        )
    if dry_run:
        for kind, frames in outcome.first.items():
            for record in [row for frame in frames for row in frame.to_dicts()][:5]:
                console.print(f"  {kind}: {_brief(record)}", soft_wrap=True)


def _brief(record: dict[str, object]) -> str:
    names = (
        *("session_id", "start", "feed", "minute", "dimension", "key", "rule", "window_start"),
        *("status", "revision", "rows", "observed"),
    )
    return " ".join(f"{name}={record[name]}" for name in names if name in record)
