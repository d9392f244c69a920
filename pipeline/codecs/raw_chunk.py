"""Chunks of whole record batches: no Python per record."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, cast

import numpy as np

from pipeline.codecs import record_kernels as kernels
from pipeline.codecs.arrow_bytes import Bytes, Int64s
from pipeline.codecs.batch_reader import CorruptBatch
from pipeline.codecs.chunk import Asked, Chunk, Decoded, FetchedChunk, Record, read_rows
from pipeline.codecs.marks import Mark, StageMark, read_mark
from pipeline.codecs.raw_batch import RawBatch
from pipeline.codecs.schemas import Schemas
from pipeline.codecs.spans import Spans

_LEAST_RECORD: Final = 7
"""Bytes of a record with nothing in it: no header can promise more records than fit."""


class RawChunk(FetchedChunk[RawBatch]):
    """A chunk of record batches, whose records are found once and never become objects.

    The payloads are one buffer, so that all texts of a column are views into it: as they lie if
    they lie one behind the other, else copied. Finding the records costs 50 ns a record. Raises
    CorruptBatch if a payload is not as many records as its batch says.
    """

    __slots__ = ("_data", "_found")

    def _hold(self, given: Sequence[RawBatch]) -> None:
        self._data = _joined([batch.payload for batch in given])
        self._found = _records(self._data, given)

    def __len__(self) -> int:
        return int(self._found.shape[1])

    @property
    def size(self) -> int:
        """Bytes of the batches it was read from, unfolded."""
        return self._data.nbytes

    @property
    def newest_ms(self) -> int | None:
        """The largest record time (milliseconds since the epoch); None without records."""
        return int(self._found[kernels.TIMESTAMP].max()) if len(self) else None

    def since(self, offset: int) -> "RawChunk":
        """Return the chunk without records below this offset."""
        if offset <= self.fetch_offset:
            return self
        later = object.__new__(RawChunk)
        later.topic, later.partition = self.topic, self.partition
        later.fetch_offset = min(offset, self.next_offset)
        later.next_offset = self.next_offset
        later._data = self._data
        later._found = self._found[:, self._place(offset) :]
        return later

    @classmethod
    def one(cls, chunks: Sequence["RawChunk"]) -> "RawChunk":
        """Return chunks that follow each other as one."""
        first, last = chunks[0], chunks[-1]
        if first is last:
            return first
        whole = object.__new__(cls)
        whole.topic, whole.partition = last.topic, last.partition
        whole.fetch_offset, whole.next_offset = first.fetch_offset, last.next_offset
        data, found = zip(*((each._data, each._found) for each in chunks), strict=True)  # noqa: SLF001
        begins = np.cumsum([0, *map(len, data[:-1])]).repeat([len(each) for each in chunks])
        whole._data, whole._found = np.concatenate(data), np.concatenate(found, axis=1)
        places = whole._found[kernels.RECORD :]
        places += np.where(places == kernels.NO_VALUE, 0, begins)
        return whole

    def record(self, offset: int) -> Record:
        """Return one record as it was read; KeyError if it is not here."""
        place = self._place(offset)
        if place == len(self) or self._found[kernels.OFFSET, place] != offset:
            raise KeyError(offset)
        return self._record(place)

    def decode(self, schemas: Schemas, schema: str, columns: Sequence[str]) -> Decoded:
        """Read the asked columns of all records with a value, and the marks.

        Null values without a mark are passed over. The frame's texts are views into the payloads.
        """
        found = self._found
        empty = found[kernels.START] == kernels.NO_VALUE
        marks: list[tuple[int, Mark | StageMark]] = []
        if empty.any():
            for place in np.flatnonzero(empty).tolist():
                record = self._record(place)
                mark = read_mark(record.headers)
                if mark is not None:
                    marks.append((record.offset, mark))
            # Row after row in memory, as compiled loops take them; an index would turn it round.
            found = np.compress(~empty, found, axis=1)
        values = Spans(self._data, found[kernels.START], found[kernels.END])
        offsets, timestamps = found[kernels.OFFSET], found[kernels.TIMESTAMP]
        asked = Asked(schemas, schema, columns)
        return Decoded(*read_rows(self, values, offsets, timestamps, asked), marks)

    def _place(self, offset: int) -> int:
        return int(np.searchsorted(self._found[kernels.OFFSET], offset))

    def _record(self, place: int) -> Record:
        offset, timestamp_ms, at = self._found[: kernels.RECORD + 1, place].tolist()
        return _record_at(self._data, at, offset, timestamp_ms)


def joined(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield chunks of one partition that follow each other, those of whole batches made one.

    What a task does for a chunk costs some 5 ms however few its rows are; joining costs less than
    0.1 µs a row.
    """
    raw: list[RawChunk] = []
    for chunk in chunks:
        if isinstance(chunk, RawChunk):
            raw.append(chunk)
            continue
        if raw:
            yield RawChunk.one(raw)
            raw = []
        yield chunk
    if raw:
        yield RawChunk.one(raw)


def _joined(payloads: Sequence[bytes | memoryview]) -> Bytes:
    """Return payloads as one: the memory they share if each begins where the one before ends."""
    arrays = [np.frombuffer(each, np.uint8) for each in payloads]
    if len(arrays) == 1:
        return arrays[0]
    owners = [each.obj for each in payloads if isinstance(each, memoryview)]
    if len(owners) == len(arrays) > 0 and all(owner is owners[0] for owner in owners):
        starts = [each.ctypes.data for each in arrays]
        ends = [start + len(each) for start, each in zip(starts, arrays, strict=True)]
        if starts[1:] == ends[:-1]:
            whole = np.frombuffer(cast(Bytes, owners[0]), np.uint8)
            whole.flags.writeable = False
            start = starts[0] - whole.ctypes.data
            return whole[start : start + ends[-1] - starts[0]]
    return np.concatenate(arrays) if arrays else np.empty(0, np.uint8)


def _records(data: Bytes, batches: Sequence[RawBatch]) -> Int64s:
    """Find the records of batches whose payloads lie one after the other."""
    most = sum(min(batch.records, len(batch.payload) // _LEAST_RECORD) for batch in batches)
    found = np.empty((kernels.RECORD_PLACES, most), np.int64)
    at = kept = 0
    for batch in batches:
        stop, before = at + len(batch.payload), kept
        span = (at, stop, batch.records, batch.base_offset, batch.base_timestamp_ms)
        kept = kernels.walk_records(data, *span, batch.first, batch.end, found, before)
        if kept < 0:
            raise CorruptBatch(f"the batch at {batch.base_offset} is not its number of records")
        if batch.append_time_ms is not None:
            found[kernels.TIMESTAMP, before:kept] = batch.append_time_ms
        at = stop
    return found[:, :kept]


def _record_at(data: Bytes, at: int, offset: int, timestamp_ms: int) -> Record:
    """Read a record that ``walk_records`` found whole."""
    _, at = _varint(data, at)
    _, at = _varint(data, at + 1)
    _, at = _varint(data, at)
    key, at = _sized(data, at)
    value, at = _sized(data, at)
    count, at = _varint(data, at)
    headers = []
    for _ in range(count):
        name, at = _sized(data, at)
        said, at = _sized(data, at)
        headers.append(((name or b"").decode(errors="replace"), said or b""))
    return Record(offset, timestamp_ms, key, value, tuple(headers))


def _sized(data: Bytes, at: int) -> tuple[bytes | None, int]:
    size, at = _varint(data, at)
    return (None, at) if size < 0 else (data[at : at + size].tobytes(), at + size)


def _varint(data: Bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = int(data[at])
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
