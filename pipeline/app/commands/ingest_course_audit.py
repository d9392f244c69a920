"""``ingest course-audit``."""

import asyncio
from datetime import UTC, datetime

from rich.console import Console

from pipeline.app.agents.course_audit import audit_options
from pipeline.app.agents.course_audit import ingest_course_audit as run
from pipeline.app.instants import instant
from pipeline.app.logs import set_up_logs
from pipeline.app.settings import load_settings
from pipeline.ingest.course_audit.round import Round
from pipeline.ingest.figures import AgentFigures


def ingest(*, once: bool, since: str | None, max_bad_share: float | None) -> None:
    """Poll until a signal ends it; with ``once`` one round, and say what it held."""
    settings = load_settings()
    set_up_logs(settings)
    console = Console(highlight=False, soft_wrap=True)
    options = audit_options(
        settings,
        once=once,
        since=None if since is None else instant("--since", since),
        max_bad_share=max_bad_share,
        say=console.print,
    )
    figures = AgentFigures()
    done = asyncio.run(run(settings, options, figures))
    if once and done is not None:
        for line in summary(done, figures):
            console.print(line)


def summary(done: Round, figures: AgentFigures) -> list[str]:
    """Return what a round did, in lines."""
    rows = figures.rows
    went = ("published", "dead letters", "published before")
    counts = (rows[name] for name in ("published", "dead", "duplicates"))
    parts = " + ".join(f"{count:,} {name}" for name, count in zip(went, counts, strict=True))
    lines = [f"{rows['read']:,} read = {parts}", f"the log is polled to {_words(done.until)}"]
    if done.behind:
        lines.append(f"{len(done.behind):,} could not be read and are asked for again next time")
    if done.mark is not None:
        lines.append(f"the watermark stands at {_words(done.mark)}")
    return lines


def _words(instant: int) -> str:
    return f"{datetime.fromtimestamp(instant / 1_000_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
