"""What every long-running command has around it: signals that end it, and a server of metrics."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Final

from pipeline.app.settings import Settings

if TYPE_CHECKING:
    from pipeline.app.metrics_server import Observed

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def signals_set(stopping: asyncio.Event) -> Iterator[None]:
    """Let SIGTERM and SIGINT set an event of the running loop."""
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stopping.set)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


@contextlib.asynccontextmanager
async def served(settings: Settings, observed: "Observed") -> AsyncIterator[None]:
    """Serve metrics and health while the block runs, if the settings give a port."""
    if settings.metrics_port is None:
        yield
        return
    # The web server is loaded only where it serves.
    from pipeline.app.metrics_server import metrics_server  # noqa: PLC0415

    async with metrics_server(observed, settings.metrics_host, settings.metrics_port):
        yield
