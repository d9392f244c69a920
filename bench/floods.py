"""What a sessionize task holds in a flood and after it, at full size.

    python bench/floods.py [rows of distinct sessions] [rows of one session]

With ``PYTHONPATH=.``. Prints, per flood: rows, CPU seconds, the most sessions open, the largest
commit, memory before, at most, after everything is final, and once freed pieces are given back,
as a worker does every minute. Ends with an error if a bound of ``tests/unit/engine/test_floods.py``
does not hold at this size.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import gc
import sys
import time
from collections.abc import Callable, Iterator

import psutil

from pipeline.app.heap import give_back
from tests.support.flood import Commit, Flood, distinct_sessions, one_session

MIB = 1 << 20
MOST_RECORD = 1_000
"""Bytes of a session's record: its sets are bounded, whatever its rows."""
MOST_METADATA = 4_096
"""Bytes that a broker stores with an offset (``offset.metadata.max.bytes``)."""

Wave = Callable[[Flood, int, float], Iterator[Commit]]


def measure(name: str, wave: Wave, rows: int, hours: float) -> None:
    """Run a flood to its end and print its line."""
    gc.collect()
    before, began = psutil.Process().memory_info().rss, time.process_time()
    flood = Flood()
    commits = list(wave(flood, rows, hours))
    end = flood.close()
    commits.append(end)
    seconds = time.process_time() - began
    gc.collect()
    after = psutil.Process().memory_info().rss
    give_back()
    given_back = psutil.Process().memory_info().rss
    most = max(commits, key=lambda each: each.memory)
    largest = max(commits, key=lambda each: each.written)
    print(
        f"{name}: {rows:,} rows over {hours:g} h, {seconds:.0f} CPU s; "
        f"most open {max(each.open_sessions for each in commits):,}, "
        f"after the end {end.open_sessions:,}; "
        f"largest commit {largest.written:,} records, {largest.bytes / MIB:,.0f} MiB; "
        f"longest session record {max(each.largest_record for each in commits):,} B; "
        f"metadata {max(len(each.metadata) for each in commits):,} B; "
        f"memory {before / MIB:,.0f} MiB before, {most.memory / MIB:,.0f} at most, "
        f"{after / MIB:,.0f} after, {given_back / MIB:,.0f} once freed pieces are given back",
        flush=True,
    )
    broken = {
        "sessions are open after the end": end.open_sessions > 0,
        "a session's record is too large": max(x.largest_record for x in commits) > MOST_RECORD,
        "metadata is too large": max(len(x.metadata) for x in commits) > MOST_METADATA,
    }
    if any(broken.values()):
        sys.exit("; ".join(said for said, is_so in broken.items() if is_so))


if __name__ == "__main__":
    sizes = [int(each) for each in sys.argv[1:]] or [5_000_000, 10_000_000]
    measure("distinct sessions, within the allowed lateness", distinct_sessions, sizes[0], 1)
    measure("distinct sessions, over two days", distinct_sessions, sizes[0], 48)
    measure("one session", one_session, sizes[1], 20)
