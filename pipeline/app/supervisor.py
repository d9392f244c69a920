"""One process per stage: started, watched, started again, stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from pipeline.domain.errors import OurMistake
from pipeline.domain.exit_codes import ExitCode

STOP_S: Final = 15.0
"""A stage leaves within 10 s of SIGTERM; after this it is killed, which is safe as well."""

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
SETTLED_S: Final = 60.0
"""A stage that ran this long starts again without a pause."""

_log = structlog.get_logger()


@dataclass
class _Stage:
    name: str
    process: subprocess.Popen[bytes]
    started: float
    pause_s: float = FIRST_PAUSE_S
    again_at: float | None = None


@dataclass
class Supervisor:
    """Keeps the stages running.

    ``environment`` is that of the stage processes, ``apart`` what differs by stage.
    """

    stages: tuple[str, ...]
    environment: Mapping[str, str]
    apart: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    _running: list[_Stage] = field(default_factory=list)

    def start(self) -> None:
        """Start one process per stage."""
        now = time.monotonic()
        self._running = [_Stage(name, self._spawn(name), now) for name in self.stages]

    def check(self) -> None:
        """Start again what ended. Raises OurMistake if that would not help."""
        now = time.monotonic()
        for stage in self._running:
            if stage.again_at is not None:
                if now >= stage.again_at:
                    stage.process, stage.started, stage.again_at = (
                        self._spawn(stage.name),
                        now,
                        None,
                    )
            elif (code := stage.process.poll()) is not None:
                self._ended(stage, code, now)

    def stop(self) -> None:
        """Ask all to commit and leave; kill those that do not in time."""
        for stage in self._running:
            if stage.process.poll() is None:
                stage.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        for stage in self._running:
            try:
                stage.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _log.warning("stage_killed", stage=stage.name)
                stage.process.kill()
                stage.process.wait()

    def _ended(self, stage: _Stage, code: int, now: float) -> None:
        if code == ExitCode.MISTAKE:
            raise OurMistake(f"stage {stage.name} cannot start; its last line says why")
        if now - stage.started > SETTLED_S:
            stage.pause_s = FIRST_PAUSE_S
        _log.warning("stage_ended", stage=stage.name, code=code, again_in_s=stage.pause_s)
        stage.again_at = now + stage.pause_s
        stage.pause_s = min(2 * stage.pause_s, LONGEST_PAUSE_S)

    def _spawn(self, name: str) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C reaches the supervisor alone, which stops them in order.
        # The launcher ends a stage whose supervisor was killed.
        return subprocess.Popen(  # noqa: S603  # our own command line
            [
                *(sys.executable, "-m", "pipeline.local.launcher", str(os.getpid())),
                *(sys.executable, "-m", "pipeline", "run", name),
            ],
            env={**self.environment, **self.apart.get(name, {})},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
