"""The limit on bad records (semantics rule 26)."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from pipeline.domain.bad_record import BadRecord
from pipeline.domain.errors import TooManyBadRecords

DEFAULT_SHARE: Final = 0.05
_WINDOW: Final = 10_000
_AT_LEAST: Final = 100
_REASONS: Final = 3


class BadLimit:
    """Stops an agent when too many of its last 10,000 records are bad, and at least 100."""

    def __init__(self, share: float = DEFAULT_SHARE) -> None:
        self._share = share
        self._read = 0
        self._bad: deque[int] = deque()
        self._first: list[BadRecord] = []

    def add(self, read: int, bad: Iterable[tuple[int, BadRecord]]) -> None:
        """Take the next records, the bad ones with their positions; raise TooManyBadRecords."""
        for position, record in bad:
            at = self._read + position
            self._bad.append(at)
            if len(self._first) < _REASONS:
                self._first.append(record)
            while self._bad[0] <= at - _WINDOW:
                self._bad.popleft()
            seen = min(at + 1, _WINDOW)
            if len(self._bad) >= _AT_LEAST and len(self._bad) > self._share * seen:
                raise TooManyBadRecords(self._sentence(seen))
        self._read += read

    def _sentence(self, seen: int) -> str:
        reasons = "; ".join(
            f"{record.location}: {record.reason}, {record.detail}" for record in self._first
        )
        return (
            f"{len(self._bad)} of the last {seen} records are bad, more than "
            f"{self._share:.1%}: the file or this program is wrong, not single records. "
            f"First reasons: {reasons}"
        )
