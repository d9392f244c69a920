"""What an agent did, and what it says while it does it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple


@dataclass(slots=True)
class IngestTotals:
    """Counts of one run: read = published + deletes + dead + already published.

    ``already`` rows were published by an earlier run that did not reach the end of their file;
    rows of ``skipped_files``, published completely before, are not read at all. ``mark`` is the
    watermark the topic stands at afterwards, ``largest`` the largest event time read.
    """

    files: int = 0
    skipped_files: int = 0
    read: int = 0
    published: int = 0
    deletes: int = 0
    dead: int = 0
    already: int = 0
    mark: int | None = None
    largest: int | None = None

    @property
    def balanced(self) -> bool:
        """Tell whether every row that was read is accounted for (semantics rule 23)."""
        return self.read == self.published + self.deletes + self.dead + self.already

    def saw(self, instant: int | None) -> None:
        """Take an event time."""
        if instant is not None:
            self.largest = instant if self.largest is None else max(self.largest, instant)


class Progress(NamedTuple):
    """Where a run stands: rows done in this step, of how many if that is known."""

    step: Literal["read", "publish"]
    file: str
    rows: int
    of: int | None


ReportProgress = Callable[[Progress], None]


def say_nothing(_progress: Progress) -> None:
    """Ignore progress."""
