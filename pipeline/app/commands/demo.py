"""``demo``."""

import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from rich.console import Console

from pipeline.app.demo.day import the_day
from pipeline.app.demo.report import show
from pipeline.domain.errors import SettingsError
from pipeline.domain.exit_codes import ExitCode


def demo(*, exit_at_end: bool, users: int, hours: int, seed: int, data_dir: Path | None) -> None:
    """Run the demo; on a terminal stay up until Ctrl-C.

    Exit 0, or 1 if the totals do not add up, an attack was missed or an alarm was false.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(width=None if sys.stdout.isatty() else 120)
    directory = data_dir or _new_directory()
    if (directory / "stack").exists():
        raise SettingsError(
            f"{directory} holds the data of an earlier demo; take another --data-dir, or look at "
            f"it with canvas-telemetry local up --data-dir {directory / 'stack'}"
        )
    stays_up = sys.stdout.isatty() and not exit_at_end
    code = ExitCode.STOPPED
    try:
        with the_day(directory, users=users, hours=hours, seed=seed, say=console.print) as day:
            if not show(day, console, stays_up=stays_up):
                code = ExitCode.DIFFERENCES
            if stays_up:
                console.print("\nKafka and ClickHouse stay up. [bold]Ctrl-C[/] stops them.")
                while True:
                    time.sleep(1)
                    day.stack.check()
    except KeyboardInterrupt:
        console.print("\nStopped. The data stays where it is.")
    sys.exit(code)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _new_directory() -> Path:
    name = datetime.now(UTC).strftime("demo-%Y%m%d-%H%M%S")
    return Path(".data").resolve() / f"{name}-{os.getpid()}"
