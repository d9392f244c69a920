"""Forgetting a person: results first, then the order, then what the tables still hold.

    rows without the person ─▶ sessions, statistics, anomalies that differ ─▶ published
    erasure ─▶ canvas.erasures.v1 ─▶ the sink deletes, the views exclude, for ever

Results come first because what replaces a record needs a version above the stored one. Whatever
hinders them, the erasure is published. Every step may be repeated.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.app import wiring
from pipeline.app.progress import counting
from pipeline.app.recomputing import Job, Outcome, Recomputing
from pipeline.app.settings import Settings
from pipeline.app.settled import settled, wait_for_sink
from pipeline.app.spooled_stats import SpooledStats
from pipeline.codecs.canonical import SHARD, local_id
from pipeline.codecs.erasures import person_erasures
from pipeline.codecs.schemas import Schemas
from pipeline.domain import topics
from pipeline.domain.errors import OurMistake, SettingsError, Unavailable
from pipeline.domain.event_time import HOUR
from pipeline.engine.recompute import Span, activity_days
from pipeline.ingest.clock import wall_clock
from pipeline.ingest.encoding import BlockEncoder
from pipeline.kafka.aging import Aging, aging
from pipeline.kafka.publisher import TransactionalPublisher
from pipeline.sink.client import client_of
from pipeline.sink.people import Forgetting, hours_of, rows_of, without

SOURCE: Final = "erase"
WITH_PEOPLE: Final = (
    *(topics.WEB_LOGS, topics.LIVE_EVENTS, topics.COURSE_AUDIT, topics.LATE, topics.DEAD_LETTERS),
    *(topics.REQUEST_DELTAS, topics.REQUEST_STATS, topics.SESSIONS, topics.ANOMALIES),
    *(topics.DETECTOR_STATE, topics.ALERT_ACTIONS, topics.ERASURES),
)
"""Topics whose records may speak of the person until they age out, or for ever."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done: rows per store before and after, what was restated, or why it was not.

    ``published`` is false for a dry run.
    """

    people: tuple[int, ...]
    days: list[Span]
    before: dict[str, int]
    after: dict[str, int]
    restated: Outcome | None
    hindrance: str | None
    aging: list[Aging]
    published: bool


async def erase_person(settings: Settings, user: int, *, dry_run: bool = False) -> Erased:
    """Forget the person of a Canvas user id (local or global form).

    Raises Unavailable (brokers or ClickHouse do not answer), SettingsError (a global id, and no
    home shard to tell whose it is) and OurMistake. A sink that does not run is waited for a while;
    it deletes when it does.
    """
    people = ids_of(settings, user)
    known = wiring.schemas(settings)
    publisher = None
    if not dry_run:
        publisher = TransactionalPublisher(settings.kafka(), f"{settings.app_id}-erase")
    with client_of(settings.clickhouse()) as client:
        try:
            behind = await _sink_behind(settings)
            before = rows_of(client, people)
            days = _days(settings, hours_of(client, people))
            if publisher:
                await publisher.start()
            restated, hindrance = (
                (None, behind)
                if behind
                else await _restated(
                    settings,
                    known,
                    publisher=publisher,
                    recorded=Forgetting(client, known, rows=sum(before.values())),
                    people=people,
                    days=days,
                )
            )
            if publisher:
                await _publish(publisher, known, people)
                await _sink_behind(settings)
            after = rows_of(client, people)
        finally:
            if publisher:
                await publisher.stop()
    return Erased(
        people,
        days,
        before,
        after,
        restated,
        hindrance,
        await aging(settings.kafka(), WITH_PEOPLE),
        published=not dry_run,
    )


def ids_of(settings: Settings, user: int) -> tuple[int, ...]:
    """Return the ids under which a user may stand in records: their own, and the pseudonym."""
    if user == 0:
        raise OurMistake("User 0 is nobody.")
    if user >= SHARD and settings.home_shard is None:
        # Rows hold people of the home shard by their local id: this one would match nobody.
        raise SettingsError(
            f"{user} is a global id: set CANVAS_TELEMETRY_HOME_SHARD, or give the local id"
        )
    own = local_id(user, settings.home_shard)
    privacy = wiring.privacy(settings)
    # Rows may be older than the setting, so both.
    return (own,) if privacy is None else tuple(dict.fromkeys((own, privacy.person(own))))


async def _sink_behind(settings: Settings) -> str | None:
    """Wait until ClickHouse has all that is on the topics; return why it has not."""
    try:
        with counting("waiting for the sink", "offsets behind") as progressed:
            await wait_for_sink(settings, progressed)
    except Unavailable as error:
        return str(error)
    return None


def _days(settings: Settings, hours: Sequence[int]) -> list[Span]:
    rules = settings.event_time()
    return sorted({day for at in hours for day in activity_days(rules, Span(at, at + HOUR))})


async def _restated(
    settings: Settings,
    known: Schemas,
    *,
    publisher: TransactionalPublisher | None,
    recorded: Forgetting,
    people: Sequence[int],
    days: Sequence[Span],
) -> tuple[Outcome | None, str | None]:
    """Publish results without the person; return what that was, or why it cannot be."""
    if not days:
        return None, None
    try:
        run = Recomputing(
            settings,
            known,
            wiring.rules(settings),
            recorded=recorded,
            publisher=publisher,
            until=await settled(settings, known),
            now=wall_clock(),
        )
        with (
            tempfile.TemporaryDirectory(dir=settings.spool_dir) as directory,
            counting("restating", "rows") as progressed,
        ):
            jobs = [Job(day, without(people)) for day in days]
            await run.run(jobs, SpooledStats(Path(directory)), progressed)
    except OurMistake as error:
        return None, str(error)
    return run.outcome, None


async def _publish(
    publisher: TransactionalPublisher, known: Schemas, people: Sequence[int]
) -> None:
    erasures = person_erasures(people, source=SOURCE, ordered_at=wall_clock())
    encoder = BlockEncoder(known, publisher)
    await publisher.publish(list(encoder.blocks(topics.ERASURES, erasures)))
