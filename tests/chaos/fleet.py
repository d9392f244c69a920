"""The processes under test: started, watched, started again; every end is written down.

Ends are judged as ``docs/operations.md`` tells a supervisor to: what it does not list is wrong.
"""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pipeline.domain.exit_codes import ExitCode
from pipeline.local.child import tied
from tests.support.line import AGAIN

STARTED_AGAIN: Final = AGAIN | {ExitCode.FAILED}
"""Codes after which a supervisor starts again; 0 and signals only if they were asked for."""

PAUSE_S: Final = 0.5
LEAVE_S: Final = 60.0
"""A worker leaves within 10 s of SIGTERM."""


class Wrong(Exception):
    """The run has failed: a process ended as it must not, or nothing moves any more."""


@dataclass(eq=False)
class Member:
    """One process that is kept running until it is retired or has finished its work."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    logs: Path
    ends: bool = False  # 0 means that its work is done
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    again_at: float = 0.0
    asked: set[int] = field(default_factory=set)
    frozen: bool = False
    retired: bool = False
    done: bool = False

    @property
    def stage(self) -> str:
        """Its name without a number."""
        return self.name.rpartition("-")[0]

    @property
    def log(self) -> Path:
        """The log of its present process."""
        return self.logs / f"{self.name}.{self.starts:04}.log"

    @property
    def running(self) -> bool:
        """Whether it has a process that is not frozen."""
        return self.process is not None and self.process.poll() is None and not self.frozen

    def start(self) -> None:
        """Start its process."""
        self.starts += 1
        self.asked, self.frozen = set(), False
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                tied(self.command),
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def send(self, number: signal.Signals) -> None:
        """Send a signal; SIGTERM and SIGKILL make an end of it expected."""
        if self.process is None or self.process.poll() is not None:
            return
        if number in (signal.SIGTERM, signal.SIGKILL):
            self.asked.add(number)
        if number == signal.SIGSTOP:
            self.frozen = True
        elif number in (signal.SIGCONT, signal.SIGKILL):
            self.frozen = False
        self.process.send_signal(number)


class Fleet:
    """All members, and how their processes ended."""

    def __init__(self, logs: Path) -> None:
        self.members: list[Member] = []
        self.ends: Counter[tuple[str, str]] = Counter()
        self.reasons: Counter[str] = Counter()
        self._logs = logs
        self._stopping = False

    def add(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        ends: bool = False,
    ) -> Member:
        """Start a member and keep it running."""
        environment = {**os.environ, **environment}
        member = Member(name, command, environment, self._logs, ends=ends)
        self.members.append(member)
        member.start()
        return member

    def of(self, stage: str) -> list[Member]:
        """Return the members of a stage that are to go on."""
        return [each for each in self.members if each.stage == stage and not each.retired]

    def look(self) -> None:
        """Note the ends, start again what should run. Raises Wrong."""
        now = time.monotonic()
        for member in self.members:
            if member.process is None:
                if not member.retired and not member.done and now >= member.again_at:
                    member.start()
            elif (code := member.process.poll()) is not None:
                member.process, member.frozen = None, False
                self._ended(member, code)
                member.again_at = now + PAUSE_S

    def ask_all_to_leave(self) -> None:
        """Stop everything in order; raises Wrong if that takes too long."""
        self._stopping = True
        for member in self.members:
            member.retired = True
            member.send(signal.SIGCONT)
            member.send(signal.SIGTERM)
        deadline = time.monotonic() + LEAVE_S
        while any(member.process is not None for member in self.members):
            self.look()
            if time.monotonic() > deadline:
                raise Wrong("a worker did not leave in time")
            time.sleep(0.05)

    def kill_all(self) -> None:
        """End everything at once."""
        for member in self.members:
            member.retired = True
            if member.process is not None:
                member.process.kill()
                member.process.wait()

    def starts(self, stage: str) -> int:
        """Return how often processes of a stage were started."""
        return sum(each.starts for each in self.members if each.stage == stage)

    def openings(self) -> list[float]:
        """Return the seconds that each opening of a task took: fence, restore, catch up."""
        return [json.loads(line)["seconds"] for line in self._logged("task opened")]

    def fencings(self) -> int:
        """Count the tasks whose transaction the brokers refused, for another one was newer."""
        return sum(b"ProducerFenced" in line for line in self._logged("task fenced"))

    def _logged(self, event: str) -> list[bytes]:
        sign = f'"event": "{event}"'.encode()
        lines = b"".join(path.read_bytes() for path in self._logs.glob("*.log")).splitlines()
        # A killed process may leave half a line.
        return [line for line in lines if sign in line and line.endswith(b"}")]

    def _ended(self, member: Member, code: int) -> None:
        shown = f"-{signal.Signals(-code).name}" if code < 0 else str(code)
        self.ends[member.stage, shown] += 1
        reason = _last_words(member.log)
        if code > 0:
            self.reasons[f"{member.stage} {code}: {reason}"] += 1
        if code == ExitCode.STOPPED and (member.asked or member.ends):
            member.done = member.ends
            return
        if -code in member.asked or code in STARTED_AGAIN:
            return
        raise Wrong(f"{member.name} ended with {shown} ({reason}); its log is {member.log}")


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    for line in reversed(lines):
        try:
            said = json.loads(line)
        except ValueError:
            continue
        event = str(said.get("event", ""))
        if event.startswith(("worker ends", "worker cut off")):
            parts = (event, said.get("error"), said.get("reason"), said.get("where"))
            return " ".join(str(part) for part in parts if part)
    return lines[-1] if lines else "it said nothing"
