"""What the two servers of the stack have in common: start, readiness, stop, kill, restart."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final, NamedTuple, Self

from pipeline.local.child import Child
from pipeline.local.errors import LocalStackError
from pipeline.local.home import Home
from pipeline.local.ports import LOOPBACK, free_port, is_free, listener

START_WITHIN_S: Final = 300.0
"""Kafka answers after 3 s on an idle machine; on a busy one, after a kill, with hundreds of logs to
recover, it takes many times that. A server whose process ends is noticed at once."""

STOP_WITHIN_S: Final = 10.0
_POLL_S: Final = 0.03

Say = Callable[[str], None]
"""Takes one line about what happens, for a person."""


class Command(NamedTuple):
    """How a server's process is started: arguments and what its environment adds."""

    arguments: Sequence[str]
    environment: Mapping[str, str]


class Server(ABC):
    """One server process on the loopback address with a data directory of its own.

    ``start`` = ``launch`` + ``wait_ready``, apart so that two servers start side by side. The port
    is the given one, else that of the last start in this directory, else a free one; it stays the
    same over stop, kill and start.
    """

    title: ClassVar[str]
    port_names: ClassVar[tuple[str, ...]]
    """The first is the one clients use."""

    def __init__(self, data_dir: Path, port: int | None = None, say: Say | None = None) -> None:
        self.host = LOOPBACK
        self._home = Home(data_dir)
        self._asked_port = port
        self._say: Say = say or _silent
        self._ports: dict[str, int] = {}
        self._child: Child | None = None

    @property
    def port(self) -> int:
        """The port clients use; known once launched."""
        return self._ports[self.port_names[0]]

    @property
    def data_dir(self) -> Path:
        """Where its data, its log (``server.log``) and its notes lie."""
        return self._home.path

    @property
    def pid(self) -> int | None:
        """The number of its process while it runs."""
        return self._child.mark.pid if self._child and self.running else None

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._child is not None and self._child.exit_code is None

    def start(self) -> None:
        """Start and wait until it answers; does nothing if it runs."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start the process; raises LocalStackError if directory or port belong to another."""
        if self.running:
            return
        self._home.claim()
        try:
            self._end_left_behind()
            self._ports = self._choose_ports()
            self._home.new_log()
            command = self.command()
            self._child = Child(
                command.arguments, command.environment, self._home.path, self._home.log
            )
            self._home.remember(self._ports, self._child.mark)
        except BaseException:
            self.stop()
            raise

    def wait_ready(self, within_s: float = START_WITHIN_S) -> None:
        """Wait until it answers; raises LocalStackError with its last words if it does not."""
        try:
            self._await_answer(within_s)
        except BaseException:
            self.kill()
            self._home.release()
            raise

    def check(self) -> None:
        """Raise LocalStackError if its process has ended by itself."""
        if self._child is None:
            raise LocalStackError(f"{self.title} was not started.")
        if (code := self._child.exit_code) is not None:
            raise LocalStackError(self._with_last_words(f"it ended with {code}"))

    def ask_to_stop(self) -> None:
        """Begin an orderly stop without waiting for it."""
        if self._child is not None and self.running:
            self._child.terminate()

    def stop(self) -> None:
        """Stop it in order; kill it if it does not within 10 s. Data and port stay."""
        if self._child is not None:
            self.ask_to_stop()
            if not self._child.wait(STOP_WITHIN_S):
                self._say(f"{self.title} did not stop in {STOP_WITHIN_S:.0f} s; killed.")
                self._child.kill()
            self._child = None
        self._home.release()

    def kill(self) -> None:
        """End it at once, as a crash does; ``start`` brings it back on the same port."""
        if self._child is not None:
            self._child.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @abstractmethod
    def command(self) -> Command:
        """Prepare the directory and return how to start; ports are chosen by then."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it serves clients now; no exception for a server that does not answer."""

    def _await_answer(self, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while not self.answers():
            self.check()
            if time.monotonic() > deadline:
                raise LocalStackError(self._with_last_words(f"no answer in {within_s:.0f} s"))
            time.sleep(_POLL_S)

    def _end_left_behind(self) -> None:
        mark = self._home.left_behind()
        if mark is None or self._child is not None:
            return
        if mark.find() is None:
            self._say(f"{self.title}: the last run (pid {mark.pid}) ended without a stop.")
            return
        self._say(f"{self.title}: a killed run left pid {mark.pid} behind; ending it.")
        if not mark.end(STOP_WITHIN_S):
            raise LocalStackError(f"{self.title}: pid {mark.pid} cannot be ended.")

    def _choose_ports(self) -> dict[str, int]:
        known = self._ports or self._home.ports()
        main = self.port_names[0]
        if self._asked_port is not None:
            known[main] = self._asked_port
            if not is_free(self._asked_port):
                raise LocalStackError(
                    f"{self.title} cannot have port {self._asked_port}: "
                    f"{listener(self._asked_port)} listens there."
                )
        chosen: dict[str, int] = {}
        for name in self.port_names:
            port = known.get(name)
            if port is not None and not is_free(port):
                self._say(f"{self.title}: port {port} is taken now; choosing another.")
                port = None
            chosen[name] = port or free_port({*known.values(), *chosen.values()})
        return chosen

    def _with_last_words(self, what: str) -> str:
        words = self._child.last_words() if self._child else ""
        return f"{self.title} failed: {what}. Its log ({self._home.log}) ends:\n{words}"


def _silent(_line: str) -> None:
    return
