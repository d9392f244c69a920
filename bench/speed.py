"""How fast the measured core is while something is measured on it.

Virtual machines change their speed from second to second. A process beside the measured one does
the same small piece of work twice a second, on the same core, and says what it took.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from bench.measure import on_measured_core
from pipeline.local.child import tied

EVERY_S: Final = 0.5
FREE: Final = 1.15
"""A core counts as free while the work takes at most so many times what it takes at best."""

Samples = npt.NDArray[np.float64]


class Free(NamedTuple):
    """Seconds in which the core was free, what a process took in them, and the best look."""

    seconds: float
    cpu_s: float
    look_s: float


class Speed:
    """Looks at the core from entering on: 14 ms each where ``reference_work`` takes 0.14 s."""

    def __init__(self, log: Path) -> None:
        """Take the file that looks are written to."""
        self._log = log

    def __enter__(self) -> Self:
        """Start looking."""
        with self._log.open("wb") as out, on_measured_core():
            command = tied([sys.executable, "-m", "bench.speed"])
            self._looking = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out)
        return self

    def __exit__(self, *error: object) -> None:
        """Stop looking."""
        self._looking.kill()
        self._looking.wait()

    def free(self, used: Sequence[tuple[float, float]]) -> Free:
        """Return what a process took in free seconds; ``used``: monotonic time, its CPU-seconds."""
        lines = self._log.read_text(encoding="ascii").splitlines()[:-1]
        at, took = np.array([line.split() for line in lines], np.float64).T
        times, cpu = np.array(used).T
        within = (at >= times[0]) & (at <= times[-1])
        free = within & (took <= FREE * took.min())
        both = free[:-1] & free[1:]
        spent = np.diff(np.interp(at, times, cpu))
        seconds = float(np.diff(at)[both].sum())
        return Free(seconds, float(spent[both].sum()), float(took.min()))


def _look() -> None:
    while True:
        began, cpu = time.monotonic(), time.process_time()
        sum(number % 7 for number in range(150_000))
        np.sort(np.random.default_rng(0).integers(0, 1 << 62, 180_000))
        print(time.monotonic(), time.process_time() - cpu, flush=True)
        time.sleep(max(0.0, began + EVERY_S - time.monotonic()))


if __name__ == "__main__":
    _look()
