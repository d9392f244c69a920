"""``python -m tests.chaos --rounds N --seed S [--report FILE]``: exactly once, under faults.

Exit codes: 0 equal, 1 differences or a failed run; data and logs are kept then, and named.
"""

import argparse
import logging
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from rich.console import Console

from pipeline.domain.errors import TelemetryError
from pipeline.local.errors import LocalStackError
from tests.chaos.driver import Driver
from tests.chaos.fleet import Wrong
from tests.chaos.report import append, show


def main() -> int:
    """Run, report, clean up."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--rounds", type=int, default=20, help="faults")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, help="Markdown file to which the row is added")
    parser.add_argument("--directory", type=Path, help="where data and logs lie; kept if given")
    given = parser.parse_args()
    console = Console(soft_wrap=True)
    # Brokers that go away are no news here.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, _leave)
    directory = given.directory or Path(tempfile.mkdtemp(prefix="canvas-telemetry-chaos-"))
    began = time.monotonic()
    driver = Driver(
        directory, given.rounds, given.seed, lambda line: console.print(line, highlight=False)
    )
    failure: str | None = None
    try:
        driver.run()
    except (Wrong, TelemetryError, LocalStackError) as error:
        failure = f"{type(error).__name__}: {error}"
    except KeyboardInterrupt:
        failure = "interrupted"
    finally:
        driver.close()
    outcome = driver.outcome
    show(outcome, console)
    for problem in outcome.problems:
        console.print(problem, highlight=False, markup=False)
    console.print(f"{time.monotonic() - began:.0f} s in all", highlight=False)
    if failure or outcome.problems:
        console.print(failure or "the runs differ", highlight=False, markup=False)
        console.print(f"data and logs: {directory}", highlight=False)
        return 1
    if given.report:
        append(outcome, given.report)
    if given.directory is None:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
