"""Keeps a local stack up until a signal asks to stop it."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from pipeline.local.stack import LocalStack

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_CHECK_EVERY_S: Final = 0.5

_Handler = Callable[[int, FrameType | None], None]


class StopAsked(BaseException):
    """SIGTERM or SIGINT came; like KeyboardInterrupt no Exception, so that nothing swallows it."""


def run_until_signal(stack: LocalStack, say: Callable[[str], None] = print) -> None:
    """Start the stack, say its addresses, stay until SIGTERM or SIGINT, stop it.

    A second signal while stopping kills both servers. Raises LocalStackError if a server cannot
    start or ends by itself; the other one is stopped by then. Call it in the main thread.
    """
    try:
        with _on_signals(_ask):
            stack.start()
            for line in addresses(stack):
                say(line)
            while True:
                time.sleep(_CHECK_EVERY_S)
                stack.check()
    except StopAsked:
        say("Stopping.")
    finally:
        with _on_signals(lambda _signal, _frame: stack.kill()):
            stack.stop()


def addresses(stack: LocalStack) -> tuple[str, ...]:
    """Return where the running stack answers and where its data lies, a line each."""
    clickhouse = stack.clickhouse
    return (
        f"Kafka       {stack.kafka.bootstrap_servers}",
        f"ClickHouse  {clickhouse.url}  (user {clickhouse.user}, no password)",
        f"Data        {stack.kafka.data_dir.parent}",
    )


def _ask(_signal: int, _frame: FrameType | None) -> None:
    raise StopAsked


@contextmanager
def _on_signals(handler: _Handler) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
