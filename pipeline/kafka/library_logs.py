"""The client libraries' own logging, made quiet: they repeat themselves ten times a second."""

import logging
import time
from typing import Final

QUIET_S: Final = 30.0
LIBRARIES: Final = ("aiokafka", "faust", "mode", "asyncio")


class OncePerPeriod(logging.Filter):
    """Lets each message of a logger pass once in ``QUIET_S`` seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the record passes; judged by its template, not by its values."""
        key = (record.name, str(record.msg))
        now = time.monotonic()
        if now - self._last.get(key, -QUIET_S) < QUIET_S:
            return False
        self._last[key] = now
        return True


def quieten_libraries() -> None:
    """Let only errors of the client libraries through, each at most every half minute.

    A logger's filter does not see its children's records, so every known one gets it.
    """
    once = OncePerPeriod()
    names = [name for name in logging.root.manager.loggerDict if name.split(".", 1)[0] in LIBRARIES]
    for name in {*LIBRARIES, *names}:
        logger = logging.getLogger(name)
        logger.setLevel(logging.ERROR)
        if not any(isinstance(each, OncePerPeriod) for each in logger.filters):
            logger.addFilter(once)
