"""``dead-letters list|show|replay|discard``."""

import asyncio
from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.table import Table

from pipeline.app import wiring
from pipeline.app.ingesting import KafkaCursors
from pipeline.app.instants import moment
from pipeline.app.logs import set_up_logs
from pipeline.app.settings import Settings, load_settings
from pipeline.domain.errors import OurMistake, SettingsError
from pipeline.ingest.clock import wall_clock
from pipeline.ingest.dead_letter_replay import ActionTotals, DeadLetter, DeadLetterDesk
from pipeline.kafka.publisher import TransactionalPublisher
from pipeline.sink.client import client_of
from pipeline.sink.letters import Choice, Letter, count_letters, letters

SHORT: Final = 12
"""Digits of an identity that are shown; the beginning of one is enough to name a letter."""
REASONS: Final = 10


def choice(
    named: list[str],
    *,
    source: str | None,
    feed: str | None,
    reason: str | None,
    since: str | None,
    until: str | None,
    done: bool = False,
) -> Choice:
    """Return the choice that options make; raise SettingsError for a time that is none."""
    return Choice(
        tuple(name.lower() for name in named),
        source,
        feed,
        reason,
        None if since is None else moment("--since", since),
        None if until is None else moment("--until", until),
        done,
    )


def list_letters(chosen: Choice, limit: int) -> None:
    """Print the oldest of the chosen letters, a line each, and how many there are."""
    settings = load_settings()
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    for column in ("letter", "found", "source", "reason", "location", "detail", "done"):
        table.add_column(column, overflow="fold")
    with client_of(settings.clickhouse()) as client:
        for one in letters(client, chosen, limit):
            found = f"{one.happened_at:%Y-%m-%d %H:%M:%S}"
            texts = (one.source, one.reason, one.location, one.detail, one.action)
            table.add_row(one.letter[:SHORT], found, *texts)
        count = count_letters(client, chosen)
    if table.row_count:
        console.print(table)
    console.print(f"{count:,} dead letters" + (f", {limit:,} shown" if count > limit else ""))


def show(named: str) -> None:
    """Print everything that is kept of one letter; secrets are masked in it."""
    settings = load_settings()
    with client_of(settings.clickhouse()) as client:
        found = list(letters(client, Choice((named.lower(),), done=True), 2))
    if len(found) != 1:
        what = "is the beginning of more than one" if found else "is none"
        raise OurMistake(f"{named} {what} of the dead letters: see dead-letters list --all")
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for name, value in found[0]._asdict().items():
        if name != "payload" and value != "":
            console.print(f"{name}: {value}")
    console.print(found[0].payload.decode(errors="backslashreplace"))


def replay(chosen: Choice, *, dry_run: bool) -> None:
    """Publish the chosen letters that today's codecs can read."""
    totals = _act(chosen, "replay", dry_run=dry_run)
    _say(f"{totals.done:,} replayed as {totals.rows:,} records", totals, dry_run=dry_run)


def discard(chosen: Choice, *, dry_run: bool) -> None:
    """Hide the chosen letters; they stay in ClickHouse until they age out."""
    totals = _act(chosen, "discard", dry_run=dry_run)
    _say(f"{totals.done:,} discarded", totals, dry_run=dry_run)


def _say(sentence: str, totals: ActionTotals, *, dry_run: bool) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    if dry_run:
        sentence = f"nothing was done; without --dry-run: {sentence}"
    left = sum(totals.left.values())
    console.print(f"{sentence}, {left:,} still dead, {totals.before:,} done before")
    for why, count in totals.left.most_common(REASONS):
        console.print(f"{count:,} still dead: {why}")


def _act(chosen: Choice, action: str, *, dry_run: bool) -> ActionTotals:
    if chosen == Choice():
        raise SettingsError(
            f"say which letters to {action}: name them, or give --source, --feed, --reason, "
            "--since or --until"
        )
    settings = load_settings()
    set_up_logs(settings)
    with client_of(settings.clickhouse()) as client:
        waiting = (_waiting(one) for one in letters(client, chosen))
        return asyncio.run(_published(settings, waiting, action, dry_run=dry_run))


async def _published(
    settings: Settings, waiting: Iterator[DeadLetter], action: str, *, dry_run: bool
) -> ActionTotals:
    name = f"{settings.app_id}-dead-letters"
    connection = settings.kafka(client_id=name)
    publisher = TransactionalPublisher(connection, name)
    try:
        desk = DeadLetterDesk(
            publisher,
            KafkaCursors(connection),
            wiring.schemas(settings),
            wall_clock,
            settings.home_shard,
            settings.root_account_id,
            settings.record_limit_bytes,
            wiring.protection(settings),
        )
        act = desk.replay if action == "replay" else desk.discard
        return await act(waiting, dry_run=dry_run)
    finally:
        await publisher.stop()


def _waiting(one: Letter) -> DeadLetter:
    return DeadLetter(one.letter, one.source, one.feed, one.location, one.payload, one.cut)
