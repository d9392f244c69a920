"""Recognises a process again, also after its number was given to another one."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Self

import psutil

CLOCK_STEP_S: Final = 2.0
"""Create times are kept relative to boot: stepping the wall clock moves them a little."""


class ProcessMark(NamedTuple):
    """What tells one process from every other: number, create time (epoch s), last arguments."""

    pid: int
    created_s: float
    arguments: tuple[str, ...]

    @classmethod
    def of(cls, pid: int, arguments: Sequence[str] = ()) -> Self:
        """Mark a living process; ``arguments`` default to the ones it has now."""
        process = psutil.Process(pid)
        return cls(pid, process.create_time(), tuple(arguments or process.cmdline()))

    @classmethod
    def from_json(cls, value: Any) -> Self | None:
        """Read a mark back; None for anything that is none."""
        try:
            return cls(int(value["pid"]), float(value["created_s"]), tuple(value["arguments"]))
        except (TypeError, KeyError, ValueError):
            return None

    def to_json(self) -> dict[str, object]:
        """Return the mark as JSON fields."""
        return self._asdict()

    def find(self) -> psutil.Process | None:
        """Return the process if it still lives: same number, same create time, same arguments."""
        try:
            process = psutil.Process(self.pid)
            same_time = abs(process.create_time() - self.created_s) <= CLOCK_STEP_S
            # the launcher's command line ends with the arguments it will run
            same_arguments = tuple(process.cmdline()[-len(self.arguments) :]) == self.arguments
            living = process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return None
        return process if same_time and same_arguments and living else None

    def end(self, within_s: float) -> bool:
        """Ask the process to end, then kill it; False if it lives on nevertheless."""
        process = self.find()
        if process is None:
            return True
        try:
            process.terminate()
            try:
                process.wait(within_s)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(within_s)
        except psutil.NoSuchProcess:
            return True
        except psutil.Error:
            return False
        return True
