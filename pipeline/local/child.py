"""Starts a server as a process of its own, with its log, and ends it."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Final

from pipeline.local.process_mark import ProcessMark

_LAUNCHER: Final = Path(__file__).with_name("launcher.py")


class Child:
    """A running server: its mark and its end.

    It has its own session, so a Ctrl-C in the terminal reaches the owner alone, which then stops
    its servers in order.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], home: Path, log: Path
    ) -> None:
        # The kernel ties the child to the *thread* that starts it, so one thread that lives as
        # long as this process starts them all.
        self._process = (
            _starter(os.getpid()).submit(_spawn, command, environment, home, log).result()
        )
        self._log = log
        self.mark = ProcessMark.of(self._process.pid, command)

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    def terminate(self) -> None:
        """Ask it to end; returns at once."""
        self._process.terminate()

    def wait(self, within_s: float) -> bool:
        """Wait for the end; False if it still runs."""
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End it at once (SIGKILL) and wait for that."""
        self._process.kill()
        self._process.wait()

    def last_words(self, lines: int = 20) -> str:
        """Return the tail of its log."""
        with self._log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 200 * lines))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])


def tied(command: Sequence[str]) -> list[str]:
    """Return the command that runs ``command`` until this process ends at the latest."""
    return [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), *command]


def _spawn(
    command: Sequence[str], environment: Mapping[str, str], home: Path, log: Path
) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  # our own commands
            tied(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=home,
            env={**os.environ, **environment},
            start_new_session=True,
        )


@cache
def _starter(_owner: int) -> ThreadPoolExecutor:
    """Return the starting thread of this process; a fork does not inherit its parent's."""
    return ThreadPoolExecutor(1, "local-stack-starter")
