"""``simulate``."""

from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from pipeline.app.progress import counting
from pipeline.domain.errors import SettingsError
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
        start_us=DEFAULT_START_US if start is None else _micros(start),
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


def _micros(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f"--start: {error}.") from error
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return round(at.timestamp() * 1000) * 1000
