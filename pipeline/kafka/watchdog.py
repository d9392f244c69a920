"""The last resort: a thread that ends the process when its event loop cannot."""

import os
import sys
import threading
import time
from typing import Final, NoReturn

from pipeline.domain.exit_codes import ExitCode

_LOOK_S: Final = 0.2


class Watchdog:
    """Cuts the process off when the loop stood still for ``hang_s``, or stopping takes too long."""

    def __init__(self, stage: str, hang_s: float) -> None:
        self._stage = stage
        self._hang_s = hang_s
        self._beaten = time.monotonic()
        self._deadline: float | None = None
        self._off = threading.Event()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def beat(self) -> None:
        """Say that the loop runs."""
        self._beaten = time.monotonic()

    def stop_within(self, seconds: float) -> None:
        """Give the process so long to end, counted from the first time this is said."""
        if self._deadline is None:
            self._deadline = time.monotonic() + seconds

    def off(self) -> None:
        """Watch no longer."""
        self._off.set()

    def _watch(self) -> None:
        while not self._off.wait(_LOOK_S):
            now = time.monotonic()
            if self._deadline is not None and now > self._deadline:
                self._cut("worker cut off: it did not stop in time", ExitCode.STOP_LIMIT)
            if self._deadline is None and now - self._beaten > self._hang_s:
                self._cut("worker cut off: its event loop stands still", ExitCode.HUNG)

    def _cut(self, event: str, code: ExitCode) -> NoReturn:
        """Write one line past all logging machinery, which may be what hangs."""
        line = f'{{"event":"{event}","stage":"{self._stage}","code":{code.value}}}\n'
        os.write(sys.stderr.fileno(), line.encode())
        os._exit(code)
