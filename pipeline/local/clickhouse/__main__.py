"""``python -m pipeline.local.clickhouse --path DIR --port N``: serves until SIGTERM or SIGINT."""

import argparse
import asyncio
import signal
from pathlib import Path
from typing import Final

from aiohttp import web

from pipeline.local.clickhouse.engine import Engine
from pipeline.local.clickhouse.front import Front

LOOPBACK: Final = "127.0.0.1"
DRAIN_S: Final = 3.0
"""How long a stop waits for answers under way before it cancels their queries."""


def main() -> None:
    """Open the directory, serve it, close it."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.local.clickhouse")
    parser.add_argument("--path", type=Path, required=True, help="the database directory")
    parser.add_argument("--port", type=int, required=True, help="port of the loopback address")
    options = parser.parse_args()
    engine = Engine(options.path)
    try:
        asyncio.run(_serve(engine, options.port))
    finally:
        engine.close()


async def _serve(engine: Engine, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    front = Front(engine)
    runner = web.AppRunner(
        front.application(), access_log=None, shutdown_timeout=DRAIN_S, auto_decompress=False
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, port).start()
        await stop.wait()
    finally:
        await runner.cleanup()
        front.close()


if __name__ == "__main__":
    main()
