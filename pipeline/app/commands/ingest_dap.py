"""``ingest dap`` and ``ingest dap status``."""

import asyncio
from datetime import UTC, datetime

from rich.console import Console

from pipeline.app import wiring
from pipeline.app.agents.dap import dap_options, ingest_from_dap
from pipeline.app.ingesting import KafkaCursors
from pipeline.app.instants import moment
from pipeline.app.logs import set_up_logs
from pipeline.app.settings import Settings, load_settings
from pipeline.domain.event_time import HOUR
from pipeline.ingest.clock import wall_clock
from pipeline.ingest.cursors import CursorBook, load_cursors
from pipeline.ingest.dap.cursor import AGENT, BEGINNING, SUBJECT, DapCursor, iso
from pipeline.ingest.figures import AgentFigures
from pipeline.ingest.spool import DEAD_LETTERS, ERASURES


def ingest(*, once: bool, since: str | None, skip_lost: bool, max_bad_share: float | None) -> None:
    """Publish windows; with ``once`` one of them, and say what it held."""
    settings = load_settings()
    set_up_logs(settings)
    options = dap_options(
        settings,
        once=once,
        since=None if since is None else moment("--since", since),
        skip_lost=skip_lost,
        max_bad_share=max_bad_share,
    )
    figures = AgentFigures()
    cursor = asyncio.run(ingest_from_dap(settings, options=options, figures=figures))
    if once and cursor is not None:
        console = Console(highlight=False)
        console.print(counted(figures))
        for line in status_lines(cursor, wall_clock()):
            console.print(line)


def status() -> None:
    """Print where the agent stands, from the topic of cursors alone."""
    settings = load_settings()
    set_up_logs(settings)
    book = asyncio.run(_book(settings))
    console = Console(highlight=False)
    cursor = book.files.get(SUBJECT)
    if cursor is None:
        console.print("nothing is published yet: the first window begins with the next start")
        return
    for line in status_lines(cursor, wall_clock()):
        console.print(line)


async def _book(settings: Settings) -> CursorBook[DapCursor]:
    cursors = KafkaCursors(settings.kafka(client_id=f"{settings.app_id}-dap-status"))
    return await load_cursors(cursors, wiring.schemas(settings), AGENT, DapCursor)


def counted(figures: AgentFigures) -> str:
    """Return where every row of a run went."""
    rows = figures.rows
    parts = ["published", "deletes", "dead", "already", "doubled", "left"]
    said = [f"{rows[name]:,} {name}" for name in parts if rows[name] or name == "published"]
    return f"{rows['read']:,} read = {' + '.join(said)}"


def status_lines(cursor: DapCursor, now: int) -> list[str]:
    """Return what a person wants to know of a cursor, in lines; ``now`` in microseconds."""
    if cursor.under_way:
        begun = cursor.since or "the beginning (snapshot)"
        lines = [f"window under way: {begun} to {cursor.until}{_within(cursor)}"]
    else:
        lines = [f"everything committed before {cursor.since} is published"]
    lines.append(
        f"{cursor.windows:,} windows done, {cursor.published:,} rows, {cursor.deletes:,} deletes, "
        f"{cursor.dead:,} dead letters"
    )
    if cursor.newest is not None:
        age_min = (now - cursor.newest) / 60_000_000
        lines.append(f"newest row: {_at(cursor.newest)}, {age_min / 60:,.1f} hours ago")
    if cursor.next_at is not None and not cursor.under_way:
        lines.append(f"next window: {_at(cursor.next_at)}")
    lines += [f"lost: {since or 'the beginning'} to {until}" for since, until in cursor.gaps]
    return lines


def _within(cursor: DapCursor) -> str:
    """Say how far the window under way is; besides event hours it has parts for what is no row."""
    if cursor.part in (DEAD_LETTERS, ERASURES, BEGINNING):
        return ""
    return f", {cursor.position:,} rows of the hour {_at(cursor.part * HOUR)} published"


def _at(instant: int) -> str:
    return iso(datetime.fromtimestamp(instant // 1_000_000, UTC))
