"""Keys that are worth a look, by minute, and sample ids of them: both are made when asked for."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from pipeline.detect.signals import Sampled, Samples
from pipeline.detect.texts import Places

MOST_WAITING: Final = 8
"""Rows of one minute that came together, and wait to be looked at."""

NO_SAMPLES: Final[Samples] = ([], [])


class _Rows(NamedTuple):
    """Rows ``first`` to ``last`` (not included) of what was sampled at once."""

    sampled: Sampled
    first: int
    last: int


class HotKeys:
    """What is known of keys in minutes that are not final."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[_Rows]] = {}
        self._keys: dict[int, set[str]] = {}
        self._samples: dict[int, dict[str, tuple[Sampled, int]]] = {}

    def put(self, minutes: Places, sampled: Sampled) -> None:
        """Take rows, each with its minute; rows of one minute follow each other."""
        turns = np.flatnonzero(np.diff(minutes)) + 1
        firsts = [0, *turns.tolist()]
        lasts = [*firsts[1:], len(minutes)]
        for minute, first, last in zip(minutes[firsts].tolist(), firsts, lasts, strict=True):
            waiting = self._waiting.setdefault(minute, [])
            waiting.append(_Rows(sampled, first, last))
            if len(waiting) > MOST_WAITING:
                self._look(minute)

    def minutes(self) -> Iterable[int]:
        """Return the minutes that have keys worth a look."""
        return self._waiting

    def keys(self, minute: int) -> Iterable[str]:
        """Return the keys worth a look in a minute."""
        self._look(minute)
        return self._keys.get(minute, ())

    def samples(self, minute: int, key: str) -> Samples:
        """Return sample ids of a minute, if it has any."""
        self._look(minute)
        kept = self._samples.get(minute, {}).get(key)
        return NO_SAMPLES if kept is None else kept[0].at(kept[1])

    def drop(self, before: int) -> None:
        """Forget minutes before this one."""
        for minute in [minute for minute in self._waiting if minute < before]:
            del self._waiting[minute]
            self._keys.pop(minute, None)
            self._samples.pop(minute, None)

    def _look(self, minute: int) -> None:
        waiting = self._waiting.get(minute)
        if not waiting:
            return
        known = self._keys.setdefault(minute, set())
        for rows in waiting:
            keys = rows.sampled.keys.some(rows.first, rows.last)
            known.update(keys)
            samples = self._samples.setdefault(minute, {})
            for at, has_samples in enumerate(rows.sampled.having[rows.first : rows.last].tolist()):
                if has_samples:
                    samples[keys[at]] = (rows.sampled, rows.first + at)
        waiting.clear()
