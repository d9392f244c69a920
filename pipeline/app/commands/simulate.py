"""``simulate``."""

from pathlib import Path

from rich.console import Console

from pipeline.app.instants import instant
from pipeline.app.progress import counting
from pipeline.simulator.config import DEFAULT_START_US, SimulationConfig
from pipeline.simulator.files import simulate as write_simulation


def simulate(
    out: Path, *, users: int, hours: int, seed: int, attacks: str, start: str | None
) -> None:
    """Write a simulated stretch of traffic and say what it holds."""
    config = SimulationConfig(
        users=users,
        hours=hours,
        seed=seed,
        attacks=_attacks(attacks),
        start_us=DEFAULT_START_US if start is None else instant("--start", start) // 1_000 * 1_000,
    )
    with counting("simulating", "rows") as progress:
        summary = write_simulation(config, out, progress)
    console = Console()
    console.print(
        f"{out}: {summary.web_log_rows:,} web_logs rows, {summary.live_events:,} Live Events, "
        f"{summary.sessions:,} sessions, {len(summary.attacks)} attacks (labels.json)"
    )


def _attacks(names: str) -> tuple[str, ...] | None:
    if names == "all":
        return None
    return () if names == "none" else tuple(names.split(","))
