"""What a run came to: a table for a person, and a row of ``docs/reliability.md``."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from tests.chaos.driver import Outcome

HEADING: Final = "| date | seed | faults | rows in | starts | openings | exits | time | still |\n"
RULE: Final = "|---|---|---|---|---|---|---|---|---|\n"


def show(outcome: Outcome, console: Console) -> None:
    """Print the table."""
    table = Table(box=box.SIMPLE_HEAD, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _facts(outcome).items():
        table.add_row(name, value)
    console.print(table)
    for reason, times in sorted(outcome.reasons.items()):
        console.print(f"  {times} x {reason}", highlight=False, markup=False, soft_wrap=True)


def append(outcome: Outcome, path: Path) -> None:
    """Add the run's row at the end of a Markdown file whose last lines are the table of runs."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if HEADING not in text:
        text += ("\n" if text else "") + HEADING + RULE
    facts = _facts(outcome)
    cells = [f"{datetime.now(UTC):%Y-%m-%d}", *(facts[name] for name in _COLUMNS)]
    path.write_text(text + "| " + " | ".join(cells) + " |\n", encoding="utf-8")


_COLUMNS: Final = (
    "seed",
    "faults",
    "rows in",
    "processes started",
    "task openings",
    "exits",
    "time",
    "longest without progress",
)


def _openings(outcome: Outcome) -> str:
    seconds = outcome.openings
    return (
        f"{len(seconds)} in {sum(seconds):.0f} s, the longest {max(seconds, default=0.0):.1f} s; "
        f"{outcome.fencings} fenced"
    )


def _facts(outcome: Outcome) -> dict[str, str]:
    faults = ", ".join(f"{times} {name}" for name, times in sorted(outcome.faults.items()))
    exits = ", ".join(
        f"{stage} {code}: {times}" for (stage, code), times in sorted(outcome.ends.items())
    )
    return {
        "seed": str(outcome.seed),
        "faults": f"{sum(outcome.faults.values())}: {faults}",
        "rows in": f"{outcome.rows:,}",
        "processes started": str(outcome.starts),
        "task openings": _openings(outcome),
        "exits": exits,
        "time": f"{outcome.faults_s:.0f} s of faults, {outcome.rest_s:.0f} s to catch up",
        "longest without progress": f"{outcome.longest_still_s:.0f} s",
        "differences": str(len(outcome.problems)),
    }
