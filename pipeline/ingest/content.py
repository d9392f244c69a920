"""The content of a file, unpacked, in blocks, with its identity."""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast

from pipeline.codecs.dead_letters import CutRecord
from pipeline.codecs.text_lines import TextLines
from pipeline.domain.errors import OurMistake
from pipeline.ingest.spool import SpoolDirectory

BLOCK_BYTES: Final = 4 << 20
"""Larger ones are no faster to read and take more memory."""
LONGEST_LINE: Final = 16 << 20
"""A longer line is no row; it is skipped as it is read and only its beginning kept."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class LineBlock(NamedTuple):
    """Whole lines, and lines too long to hold.

    ``first`` is the number of the first line; numbers of ``too_long`` are with them. The last
    line of a file may have no end.
    """

    lines: TextLines
    first: int
    too_long: list[CutRecord]

    @property
    def text(self) -> bytes:
        """Return a copy of the lines."""
        return self.lines.text()


class Content:
    """One reading of a file; ``subject`` identifies what it read once it is through.

    The identity is SHA-256 and size of the unpacked content, so the same export is known again
    under another name, packed or not. What must be unpacked to be read at all is unpacked in
    ``room``; without it, in the system's directory for temporary files.
    """

    def __init__(self, path: Path, name: str, room: SpoolDirectory | None = None) -> None:
        self.path = path
        self.name = name
        self.room = SpoolDirectory(None) if room is None else room
        self._sha256 = hashlib.sha256()
        self._size = 0

    @property
    def subject(self) -> str:
        """Return ``sha256:size`` of what has been read so far."""
        return f"{self._sha256.hexdigest()}:{self._size}"

    def blocks(self, size: int = BLOCK_BYTES) -> Iterator[bytes]:
        """Give the unpacked bytes; raise OurMistake for a damaged or unreadable file."""
        try:
            with self._open() as file:
                while block := file.read(size):
                    self._sha256.update(block)
                    self._size += len(block)
                    yield block
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise OurMistake(
                f"{self.name} is damaged after {self._size} unpacked bytes: download it again"
            ) from None
        except OSError as error:
            raise OurMistake(f"{self.name} cannot be read: {error.strerror}") from None

    def text_blocks(self, size: int = BLOCK_BYTES) -> Iterator[bytes]:
        """Give the same without the byte order mark that a text may begin with."""
        for place, block in enumerate(self.blocks(size)):
            yield block if place else block.removeprefix(_BYTE_ORDER_MARK)

    def lines(self, size: int = BLOCK_BYTES) -> Iterator[LineBlock]:
        """Give blocks of whole lines."""
        rest = b""
        number = 1
        skipped: _Skipped | None = None
        for block in self.text_blocks(size):
            data = block
            too_long: list[CutRecord] = []
            if skipped is not None:
                end = data.find(b"\n")
                if end < 0:
                    skipped.add(data)
                    continue
                skipped.add(data[:end])
                too_long.append(skipped.record(f"{self.name}:{number}"))
                skipped, number, data = None, number + 1, data[end + 1 :]
            whole = data.rfind(b"\n") + 1
            lines = TextLines.of(rest, memoryview(data)[:whole]) if whole else TextLines.of()
            rest = data[whole:] if whole else rest + data
            yield LineBlock(lines, number, too_long)
            number += lines.size
            if len(rest) > LONGEST_LINE:
                skipped, rest = _Skipped(rest), b""
        if skipped is not None:
            yield LineBlock(TextLines.of(), number, [skipped.record(f"{self.name}:{number}")])
        elif rest:
            yield LineBlock(TextLines.of(rest), number, [])

    def _open(self) -> BinaryIO:
        with self.path.open("rb") as file:
            packed = file.read(2) == _GZIP_MAGIC
        return cast("BinaryIO", gzip.open(self.path, "rb")) if packed else self.path.open("rb")


class _Skipped:
    """A line that is too long: its beginning, length and hash."""

    def __init__(self, beginning: bytes) -> None:
        self._kept = beginning[: 1 << 20]
        self._sha256 = hashlib.sha256(beginning)
        self._length = len(beginning)

    def add(self, data: bytes) -> None:
        self._sha256.update(data)
        self._length += len(data)

    def record(self, location: str) -> CutRecord:
        return CutRecord(
            location,
            "too_large",
            f"the line has {self._length} bytes, more than {LONGEST_LINE}",
            "TooLarge",
            self._kept,
            self._length,
            self._sha256.hexdigest(),
        )
