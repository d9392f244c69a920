"""Rows per second of ``Sessions`` with all sets on, and bytes per open session.

    PYTHONPATH=. python bench/sessionize.py [open sessions …]

One core; a take (the commit) comes after every five chunks. Two loads tell apart what open sessions
cost and what publishing does:

- ``few in use``: between two takes rows go to 20,000 open sessions, others each time. As many
  sessions are published however many are open, so what differs is what holding them costs: memory
  that nothing touched lately.
- ``all in use``: every row goes to any open session. The more there are, the fewer rows each has
  between two takes, and the more records are published a row.

One row in fifty opens a new session. Sessions visit five courses and a dozen controllers.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
import psutil

from pipeline.app.heap import give_back
from pipeline.domain.event_time import MINUTE, EventTimeRules
from pipeline.domain.feeds import LIVE_EVENTS, WEB_LOGS
from pipeline.sessionize.sessions import Sessions

CHUNK = 20_000
CHUNKS_PER_TAKE = 5
TAKES = 6
START = 1_700_000_000_000_000
ROWS_PER_MS = 5
FEW = 20_000
LOADS = {"few in use": FEW, "all in use": None}


class World:
    """A university's web_logs rows as event batches."""

    def __init__(self, sessions: int) -> None:
        self.random = np.random.default_rng(1)
        self.sessions = sessions
        self.high = self.random.integers(0, 1 << 63, sessions * 2, dtype=np.uint64)
        self.low = self.random.integers(0, 1 << 63, sessions * 2, dtype=np.uint64)
        self.current = np.arange(sessions)
        self.next = sessions
        self.now = START
        self.offset = 0
        octets = self.random.integers(1, 255, (100_000, 4)).tolist()
        self.ips = pl.Series([".".join(map(str, each)) for each in octets])
        self.paths = pl.Series([f"/courses/{i % 997}/assignments/{i}" for i in range(50_000)])
        self.controllers = pl.Series([f"controller_{i}" for i in range(40)])
        browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
        self.agents = pl.Series([f"{browser} Chrome/{i}.0.0.0 Safari/537.36" for i in range(500)])

    def everyone(self) -> Iterator[pl.DataFrame]:
        """Return one row of each open session, a chunk at a time."""
        for first in range(0, self.sessions, CHUNK):
            yield self._rows(np.arange(first, min(first + CHUNK, self.sessions)))

    def in_use(self, few: int | None) -> np.ndarray:
        """Return so many of the places of open sessions, None: all of them."""
        if few is None or few >= self.sessions:
            return np.arange(self.sessions)
        return self.random.choice(self.sessions, few, replace=False)

    def some(self, places: np.ndarray) -> pl.DataFrame:
        """Return a chunk of rows of open sessions at some places, one in fifty of a new one."""
        at = places[self.random.integers(0, len(places), CHUNK)]
        new = np.unique(at[self.random.random(CHUNK) < 0.02])[: len(self.high) - self.next]
        self.current[new] = np.arange(self.next, self.next + len(new))
        self.next += len(new)
        return self._rows(self.current[at])

    def _rows(self, sessions: np.ndarray) -> pl.DataFrame:
        r, n = self.random, len(sessions)
        times = self.now + np.arange(n) * 1000 // ROWS_PER_MS - r.integers(0, 2_000_000, n)
        self.now += n * 1000 // ROWS_PER_MS
        self.offset += n
        some = r.random(n) < 0.98
        users = sessions % 300_000 + 1
        return pl.DataFrame(
            {
                "offset": np.arange(self.offset - n, self.offset),
                "time": times,
                "key_hi": r.integers(0, 1 << 63, n, dtype=np.uint64),
                "key_lo": r.integers(0, 1 << 63, n, dtype=np.uint64),
                "session_id": pl.repeat("its text is not read", n, eager=True),
                "session_hi": self.high[sessions],
                "session_lo": self.low[sessions],
                "status": r.choice(np.array([200, 200, 200, 304, 404, 500], np.int32), n),
                "duration": r.integers(1000, 2_000_000, n),
                "write": r.random(n) < 0.1,
                "participated": r.random(n) < 0.02,
                "page": r.random(n) < 0.3,
                "masqueraded": r.random(n) < 0.001,
                "actor": pl.Series(users).set(pl.Series(~some), None),
                "user": pl.Series(users).set(pl.Series(~some), None),
                "course": pl.Series(sessions % 9_000 + r.integers(0, 5, n)).set(
                    pl.Series(r.random(n) < 0.2), None
                ),
                "developer_key": pl.Series(np.full(n, 7)).set(pl.Series(r.random(n) > 0.05), None),
                "controller": self.controllers.gather((sessions + r.integers(0, 12, n)) % 40),
                "ip": self.ips.gather((sessions + (r.random(n) < 0.03)) % 100_000),
                "user_agent": self.agents.gather(sessions % 500),
                "path": self.paths.gather(r.integers(0, 50_000, n)),
                "login": np.zeros(n, np.int8),
            }
        )


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that the work took, and its result."""
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def resident() -> int:
    """Return the bytes that are resident once free ones are given back, as a worker does."""
    give_back()
    return int(psutil.Process().memory_info().rss)


def run(count: int) -> None:
    """Fill up, then measure both loads; prints a line for each."""
    world, sessions = World(count), Sessions(EventTimeRules())
    before = resident()
    for chunk in world.everyone():
        sessions.add(WEB_LOGS, chunk)
    sessions.take_records(1)
    sessions.delivered(0)
    del chunk
    version = 1
    for load, few in LOADS.items():
        adding = taking = 0.0
        rows = records = 0
        for _ in range(TAKES):
            version += 1
            places = world.in_use(few)
            batches = [world.some(places) for _ in range(CHUNKS_PER_TAKE)]
            for batch in batches:
                adding += timed(lambda batch=batch: sessions.add(WEB_LOGS, batch))[0]
                marks = {WEB_LOGS: world.now - 60 * MINUTE, LIVE_EVENTS: world.now - 2 * MINUTE}
                adding += timed(lambda marks=marks: sessions.advance(marks, marks[WEB_LOGS]))[0]
                rows += batch.height
            seconds, taken = timed(lambda version=version: sessions.take_records(version))
            sessions.delivered(10**9 * version)
            taking += seconds
            records += taken.rows
        del taken, batches, batch
        size = (resident() - before) / sessions.open
        print(
            f"{sessions.open:>9,} open, {load}: {rows / (adding + taking):>9,.0f} rows/s, "
            f"add {adding / rows * 1e9:,.0f} ns/row, take {taking / rows * 1e9:,.0f} ns/row "
            f"({taking / records * 1e9:,.0f} ns/record, {records / rows:.2f} records/row), "
            f"{size:,.0f} bytes/session (resident)",
            flush=True,
        )


if __name__ == "__main__":
    for argument in sys.argv[1:] or ("20000", "200000", "1000000"):
        run(int(argument))
