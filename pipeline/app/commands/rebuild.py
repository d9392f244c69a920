"""``rebuild clickhouse``: all tables once more from the topics, then exchanged.

The sink may go on: what it inserts into the live tables until the exchange is read from the
topics once more after it, so nothing is lost. Rows that came in between are missing for the
seconds of that last reading.
"""

import asyncio
import sys
from typing import Final

from rich.console import Console

from pipeline.app import wiring
from pipeline.app.progress import counting
from pipeline.app.rebuilding import Filling
from pipeline.app.settings import Settings, load_settings
from pipeline.domain.exit_codes import ExitCode
from pipeline.kafka.progress import Progress
from pipeline.sink.beside import Beside, lost_rows
from pipeline.sink.client import client_of
from pipeline.sink.connection import ClickHouseConnection
from pipeline.sink.queries import count_tables
from pipeline.sink.tables import TOPICS
from pipeline.sink.writer import ClickHouseWriter

FEW_ROWS: Final = 10_000
"""The exchange waits until a reading of the topics brings fewer: so the last one is short."""


def rebuild_clickhouse(
    *, carry_over: bool, accept_loss: bool, drop_old: bool, settings: Settings | None = None
) -> None:
    """Rebuild the tables, or drop the old ones of a rebuild."""
    settings = settings or load_settings()
    beside = Beside(settings.clickhouse())
    try:
        if drop_old:
            found = beside.drop_old()
            _say("The old tables are dropped." if found else "There are no old tables.")
            return
        asyncio.run(_rebuild(settings, beside, carry_over=carry_over, accept_loss=accept_loss))
    finally:
        beside.close()


async def _rebuild(
    settings: Settings, beside: Beside, *, carry_over: bool, accept_loss: bool
) -> None:
    filling = Filling(settings, wiring.schemas(settings))
    if beside.ready:
        _say("An earlier rebuild was cut off during the exchange: going on with it.")
    else:
        beside.check(settings.migrations_dir)
        if await _say_what_is_lost(settings) and not (carry_over or accept_loss):
            _say("--carry-over copies these rows from the live tables, --accept-loss drops them.")
            sys.exit(ExitCode.DIFFERENCES)
        beside.begin(settings.migrations_dir, settings.retention())
        if carry_over:
            beside.carry_over()
        while await _fill(filling, beside.new) > FEW_ROWS:
            pass
        beside.mark_ready()
    beside.exchange()
    # What the sink put into the tables that were live until now.
    await _fill(filling, beside.live)
    beside.put_away()
    _print_counts(beside)


async def _fill(filling: Filling, connection: ClickHouseConnection) -> int:
    writer = ClickHouseWriter(connection)
    try:
        with counting(f"filling {connection.database}", "rows") as progressed:
            return await filling.fill(writer, progressed)
    finally:
        await writer.close()


async def _say_what_is_lost(settings: Settings) -> bool:
    """Say which tables have rows that their topics no longer hold; return whether any has."""
    async with Progress(settings.kafka()) as progress:
        beginnings = await progress.beginnings(TOPICS)
    with client_of(settings.clickhouse()) as client:
        lost = {name: rows for name, rows in lost_rows(client, beginnings).items() if rows != 0}
    for name, rows in lost.items():
        many = "rows" if rows is None else f"{rows:,} rows"
        _say(f"{name}: the topic's retention has passed; it no longer holds {many} of the table.")
    if not lost:
        _say("The topics hold everything since their beginning.")
    return bool(lost)


def _print_counts(beside: Beside) -> None:
    with client_of(beside.live) as client:
        for name, rows in count_tables(client).items():
            _say(f"{name}: {rows:,} rows")
    _say(f"The old tables are kept in {beside.old.database}; --drop-old drops them.")


def _say(text: str) -> None:
    Console(highlight=False).print(text, soft_wrap=True)
