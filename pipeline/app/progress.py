"""Progress on a terminal, and plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_LINE_EVERY_S = 10.0


@contextmanager
def counting(what: str, unit: str) -> Iterator[Callable[[int], None]]:
    """Show a count that grows; the yielded function takes the new total."""
    if sys.stderr.isatty():
        with _bar() as bar:
            task = bar.add_task(f"{what} …", total=None)
            yield lambda n: bar.update(task, description=f"{what} … {n:,} {unit}")
        return
    console, last = Console(stderr=True), time.monotonic()

    def say(n: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _LINE_EVERY_S:
            last = time.monotonic()
            console.print(f"{what} … {n:,} {unit}", highlight=False)

    yield say


def _bar() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
