"""``ingest web-logs-files``, ``live-events-files`` and ``course-audit-files``."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console

from pipeline.app.ingesting import agent_options, ingest_files
from pipeline.app.logs import set_up_logs
from pipeline.app.progress import counting
from pipeline.app.settings import load_settings
from pipeline.domain.feeds import Feed
from pipeline.ingest.totals import IngestTotals


def ingest(feed: Feed, paths: Sequence[str], *, late_ok: bool, max_bad_share: float | None) -> None:
    """Publish files and print where every row went."""
    settings = load_settings()
    set_up_logs(settings)
    options = agent_options(settings, late_ok=late_ok, max_bad_share=max_bad_share)
    with counting(f"ingesting {feed}", "rows") as progress:
        totals = asyncio.run(
            ingest_files(settings, feed, paths, options=options, progress=progress)
        )
    console = Console(highlight=False)
    for line in summary(totals):
        console.print(line)


def summary(totals: IngestTotals) -> list[str]:
    """Return what a run did, in lines."""
    lines = [
        f"{totals.files:,} files, {totals.skipped_files:,} of them published before",
        f"{totals.read:,} read = {totals.published:,} published + {totals.deletes:,} deletes + "
        f"{totals.dead:,} dead letters"
        + (f" + {totals.already:,} published before" if totals.already else ""),
    ]
    if totals.mark is not None:
        at = datetime.fromtimestamp(totals.mark / 1_000_000, UTC)
        lines.append(f"the watermark stands at {at:%Y-%m-%d %H:%M:%S} UTC")
    return lines
