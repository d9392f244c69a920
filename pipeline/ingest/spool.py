"""Rows kept on disk by event hour until they are published (semantics rule 17).

One file per input, appended to in pieces; where each piece of an hour lies is kept in memory. Rows
of an hour come back in the order in which they were added, however they were cut into pieces: a
restarted agent counts on it.
"""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Self

import polars as pl
import pyarrow as pa

from pipeline.domain.errors import OurMistake
from pipeline.domain.event_time import HOUR

DEFAULT_LIMIT: Final = 100 << 30
"""Bytes of all spools of a run."""

DEAD_LETTERS: Final = -1
ERASURES: Final = 1 << 40
"""Parts besides the hours: what is bad comes first, deletes come last."""

_BUFFERED_ROWS: Final = 32_768
"""Rows held before they are cut by hour: enough that 30 days do not end in crumbs of rows."""
_BUFFERED_BYTES: Final = 64 << 20
"""The same for rows with large bodies."""

_PREFIX: Final = "canvas-telemetry-spool-"
_LZ4: Final = pa.ipc.IpcWriteOptions(compression="lz4")


NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""A full disk, a full quota, a limit on the size of files."""


@contextlib.contextmanager
def room_on(directory: Path) -> Iterator[None]:
    """Raise OurMistake when what is written within finds no room on the disk of a directory."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise OurMistake(
            f"the disk of {directory} is full: nothing of this run was published; "
            "give fewer files at a time, or another spool directory"
        ) from None


class SpoolDirectory:
    """A directory of spools, removed when it is left; what killed runs left is removed too."""

    def __init__(self, parent: Path | None, limit: int = DEFAULT_LIMIT) -> None:
        self._parent = Path(tempfile.gettempdir()) if parent is None else parent
        self._limit = limit
        self._used = 0
        self._spools: list[Spool] = []
        self.path = self._parent

    def __enter__(self) -> Self:
        self._parent.mkdir(parents=True, exist_ok=True)
        for old in self._parent.glob(f"{_PREFIX}*"):
            if not _is_running(old.name.removeprefix(_PREFIX).partition("-")[0]):
                shutil.rmtree(old, ignore_errors=True)
        self.path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=self._parent))
        return self

    def __exit__(self, *_: object) -> None:
        for spool in self._spools:
            spool.close()
        shutil.rmtree(self.path, ignore_errors=True)

    def open_spool(self, time: str) -> "Spool":
        """Return an empty spool for rows whose event time is in that column.

        It is closed with the directory at the latest.
        """
        spool = Spool(self, len(self._spools), time)
        self._spools.append(spool)
        return spool

    @contextlib.contextmanager
    def scratch(self) -> Iterator["Scratch"]:
        """Give an empty file that is gone, and its place given back, when the context ends."""
        with tempfile.TemporaryFile(dir=self.path) as file:
            scratch = Scratch(file, self)
            try:
                yield scratch
            finally:
                self.give_back(scratch.size)

    def take(self, size: int) -> None:
        """Count bytes that are about to be written; raise OurMistake if they are too many."""
        self._used += size
        if self._used > self._limit:
            raise OurMistake(
                f"the files need more than {self._limit >> 20} MiB of spool: "
                "give fewer at a time, or raise the limit"
            )

    def give_back(self, size: int) -> None:
        """Count bytes that are removed."""
        self._used -= size


class Scratch:
    """A file for what must be on the disk while it is read; ``size`` counts as spool."""

    def __init__(self, file: BinaryIO, directory: SpoolDirectory) -> None:
        self.file = file
        self.size = 0
        self._directory = directory

    def write(self, data: bytes) -> None:
        """Append; raise OurMistake when there is no room."""
        self._directory.take(len(data))
        self.size += len(data)
        with room_on(self._directory.path):
            self.file.write(data)
            self.file.flush()


class _Piece(NamedTuple):
    start: int
    length: int
    rows: int


class Spool:
    """The rows of one input; closing it gives its place back."""

    def __init__(self, directory: SpoolDirectory, number: int, time: str) -> None:
        self._directory = directory
        self._time = time
        self._path = directory.path / f"{number}.spool"
        self._file = self._path.open("w+b")
        self._size = 0
        self._pieces: dict[int, list[_Piece]] = {}
        self._buffer: list[pl.DataFrame] = []
        self._buffered = 0
        self._buffered_bytes = 0

    def another(self) -> "Spool":
        """Return an empty spool of the same directory."""
        return self._directory.open_spool(self._time)

    def add_rows(self, rows: pl.DataFrame) -> None:
        """Add rows; each goes to the hour of its event time."""
        if rows.is_empty():
            return
        self._buffer.append(rows)
        self._buffered += rows.height
        self._buffered_bytes += int(rows.estimated_size())
        if self._buffered >= _BUFFERED_ROWS or self._buffered_bytes >= _BUFFERED_BYTES:
            self.flush()

    def add_part(self, part: int, frame: pl.DataFrame) -> None:
        """Add rows to a part that is no hour."""
        if not frame.is_empty():
            self._write(part, frame.to_arrow(compat_level=pl.CompatLevel.oldest()))

    def flush(self) -> None:
        """Cut the rows held so far by hour and write them."""
        if not self._buffer:
            return
        rows = pl.concat(self._buffer)
        self._buffer, self._buffered, self._buffered_bytes = [], 0, 0
        hours = (pl.col(self._time) // HOUR).alias("_hour")
        rows = rows.with_columns(hours).sort("_hour", maintain_order=True)
        counts = rows.group_by("_hour", maintain_order=True).len()
        table = rows.drop("_hour").to_arrow(compat_level=pl.CompatLevel.oldest())
        start = 0
        for hour, count in counts.iter_rows():
            self._write(hour, table.slice(start, count))
            start += count

    def parts(self) -> list[int]:
        """Return the parts that have rows, in their order."""
        return sorted(self._pieces)

    def rows(self, part: int) -> int:
        """Return how many rows a part has."""
        return sum(piece.rows for piece in self._pieces.get(part, ()))

    def read(self, part: int, skip: int, most: int) -> Iterator[pl.DataFrame]:
        """Give a part's rows after the first ``skip``, at most about ``most`` at a time."""
        held: list[pl.DataFrame] = []
        for piece in self._pieces.get(part, ()):
            if skip >= piece.rows:
                skip -= piece.rows
                continue
            held.append(self._load(piece).slice(skip))
            skip = 0
            if sum(frame.height for frame in held) >= most:
                yield from pl.concat(held).iter_slices(most)
                held = []
        if held:
            yield from pl.concat(held).iter_slices(most)

    def close(self) -> None:
        """Remove the file."""
        with contextlib.suppress(OSError):  # what a full disk did not take is written once more
            self._file.close()
        self._path.unlink(missing_ok=True)
        self._directory.give_back(self._size)
        self._size = 0

    def _write(self, part: int, table: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=_LZ4) as writer:
            writer.write_table(table)
        data = sink.getvalue()
        self._directory.take(data.size)
        with room_on(self._directory.path):
            self._file.seek(self._size)
            self._file.write(data)
            self._file.flush()
        self._pieces.setdefault(part, []).append(_Piece(self._size, data.size, table.num_rows))
        self._size += data.size

    def _load(self, piece: _Piece) -> pl.DataFrame:
        self._file.seek(piece.start)
        with pa.ipc.open_stream(pa.BufferReader(self._file.read(piece.length))) as reader:
            frame = pl.from_arrow(reader.read_all())
        if not isinstance(frame, pl.DataFrame):
            raise TypeError("a spool holds tables")
        return frame


def _is_running(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
