"""What a process costs while the measured core is as fast as it gets.

Virtual machines change their speed from one tenth of a second to the next. A process beside the
measured one does the same very small piece of work ten times a second, on the same core, and says
what that took and what the measured one has taken so far.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import psutil

from bench.measure import on_measured_core
from bench.stage_run import cpu_s
from pipeline.local.child import tied

EVERY_S: Final = 0.1
FREE: Final = 1.15
"""A core counts as free while the work takes at most so many times what it takes at best."""

_WORK: Final = 12_000
"""Numbers that are added up; it touches no memory, so that the caches stay the measured one's."""


class Free(NamedTuple):
    """Seconds in which the core was free, what a process took in them, and the best look."""

    seconds: float
    cpu_s: float
    look_s: float


class Speed:
    """Looks at the core from entering on: half a millisecond each on a free one."""

    def __init__(self, log: Path, process: psutil.Process) -> None:
        """Take the file that looks are written to, and the measured process."""
        self._log = log
        self._pid = process.pid

    def __enter__(self) -> Self:
        """Start looking."""
        with self._log.open("wb") as out, on_measured_core():
            command = tied([sys.executable, "-m", "bench.speed", str(self._pid)])
            self._looking = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out)
        return self

    def __exit__(self, *error: object) -> None:
        """Stop looking."""
        self._looking.kill()
        self._looking.wait()

    def free(self, since: float, until: float) -> Free:
        """Return what the process took in free times between two moments (monotonic)."""
        lines = self._log.read_text(encoding="ascii").splitlines()[:-1]
        return free(np.array([line.split() for line in lines], np.float64), since, until)


def free(looks: npt.NDArray[np.float64], since: float, until: float) -> Free:
    """Add up the times from look to look of which both found the core free.

    ``looks``: rows of (monotonic time, seconds a look took, CPU-seconds of the process so far).
    """
    at, took, spent = looks[(looks[:, 0] >= since) & (looks[:, 0] <= until)].T
    best = float(looks[:, 1].min())
    fast = took <= FREE * best
    both = fast[:-1] & fast[1:]
    return Free(float(np.diff(at)[both].sum()), float(np.diff(spent)[both].sum()), best)


def _look(process: psutil.Process) -> None:
    while True:
        began, cpu = time.monotonic(), time.thread_time_ns()
        sum(number % 7 for number in range(_WORK))
        took = (time.thread_time_ns() - cpu) / 1e9
        print(time.monotonic(), took, _spent(process), flush=True)
        time.sleep(max(0.0, began + EVERY_S - time.monotonic()))


def _spent(process: psutil.Process) -> float:
    """Return the CPU-seconds of all threads: Linux's scheduler knows them to the nanosecond.

    https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat
    """
    tasks = Path(f"/proc/{process.pid}/task")
    try:
        taken = [int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()]
    except OSError:
        return cpu_s(process)
    return sum(taken) / 1e9


def main(arguments: Sequence[str]) -> None:
    """Look until killed, or until the process has ended."""
    try:
        _look(psutil.Process(int(arguments[0])))
    except psutil.NoSuchProcess:
        return


if __name__ == "__main__":
    main(sys.argv[1:])
