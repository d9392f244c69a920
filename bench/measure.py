"""Work and what it cost, in CPU-seconds of the process that did it."""

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from multiprocessing import get_context
from typing import Any, Generic, NamedTuple, ParamSpec, TypeVar

import numpy as np
import psutil

from pipeline.app.quick_start import leave_out_pandas

P = ParamSpec("P")
T = TypeVar("T")


class Cost(NamedTuple):
    """Seconds of CPU (all threads, user and system) and seconds on the wall."""

    cpu_s: float
    wall_s: float


class Rate(NamedTuple):
    """So many rows for such a cost; ``startup_cpu_s`` is what the process took before the first.

    ``reference_cpu_s``: what ``reference_work`` took around it.
    """

    rows: int
    cost: Cost
    startup_cpu_s: float = 0.0
    peak_bytes: int = 0
    reference_cpu_s: float = 0.0

    @property
    def per_s_core(self) -> float:
        """Rows per CPU-second of the measured process."""
        return self.rows / self.cost.cpu_s

    @property
    def per_s_wall(self) -> float:
        """Rows per second on the wall."""
        return self.rows / self.cost.wall_s


def fastest(runs: Sequence[Rate]) -> Rate:
    """Return the run that took least: what slows the others comes from outside.

    So argues the documentation of ``timeit.Timer.repeat``.
    """
    return max(runs, key=lambda run: run.per_s_core)


def measured_core() -> set[int]:
    """Return the core that measured processes have for themselves; empty: no pinning here."""
    if not hasattr(os, "sched_getaffinity"):
        return set()
    return {max(_ALL_CORES)}


def leave_measured_core() -> None:
    """Keep this process, and the servers it starts, off the measured core if there is another."""
    if rest := _ALL_CORES - measured_core():
        os.sched_setaffinity(0, rest)


def on_measured_core() -> AbstractContextManager[None]:
    """Let processes started within inherit the measured core and nothing else."""
    return _on(measured_core())


def on_all_cores() -> AbstractContextManager[None]:
    """Let processes started within have every core."""
    return _on(_ALL_CORES)


@contextmanager
def server_on_all_cores(server: psutil.Process) -> Iterator[None]:
    """Give a running server's threads every core for a while."""
    if not _ALL_CORES:
        yield
        return
    before = {thread.id: os.sched_getaffinity(thread.id) for thread in server.threads()}
    for number in before:
        os.sched_setaffinity(number, _ALL_CORES)
    try:
        yield
    finally:
        for thread in server.threads():
            os.sched_setaffinity(thread.id, before.get(thread.id, min(before.values(), key=len)))


@contextmanager
def _on(cores: set[int]) -> Iterator[None]:
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Done(NamedTuple, Generic[T]):
    """What a function returned, its cost, and the most memory its process had resident."""

    result: T
    cost: Cost
    peak_bytes: int

    def rate(self, rows: int) -> Rate:
        """Return the rate of so many rows."""
        return Rate(rows, self.cost, peak_bytes=self.peak_bytes)


def apart(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Done[T]:
    """Run a module's function in a fresh pinned process; imports are no part of its cost."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_pin) as pool:
        return pool.submit(_costed, work, args, kwargs).result()


def reference_work() -> None:
    """Do what never changes, half Python and half numpy: 0.14 CPU-seconds on a free core."""
    sum(number % 7 for number in range(1_500_000))
    for seed in range(3):
        np.sort(np.random.default_rng(seed).integers(0, 1 << 62, 600_000))


def reference_cpu_s() -> float:
    """Return how fast the machine is just now: CPU-seconds of ``reference_work`` on its core."""
    return apart(reference_work).cost.cpu_s


def _pin() -> None:
    leave_out_pandas()
    if core := measured_core():
        os.sched_setaffinity(0, core)


def _costed(work: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Done[T]:
    cpu, wall = _cpu_s(), time.monotonic()
    result = work(*args, **kwargs)
    cost = Cost(_cpu_s() - cpu, time.monotonic() - wall)
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return Done(result, cost, peak)


def _cpu_s() -> float:
    """CPU-seconds of this process and of the children it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


_ALL_CORES: set[int] = (
    set(range(os.cpu_count() or 1)) if hasattr(os, "sched_getaffinity") else set()
)
