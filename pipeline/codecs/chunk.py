"""Chunks: what one fetch of one partition delivered."""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.codecs.column_decoder import ColumnDecoder
from pipeline.codecs.marks import Mark, StageMark, read_mark
from pipeline.codecs.schemas import Schemas
from pipeline.codecs.spans import Spans
from pipeline.codecs.value_columns import Values
from pipeline.domain.bad_record import BadRecord

OFFSET: Final = "_offset"
TIMESTAMP_MS: Final = "_timestamp_ms"

Given = TypeVar("Given")


class Record(NamedTuple):
    """One Kafka record as it was read."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def timestamp(self) -> int:
        """The timestamp under the name clients give it: chunks take these records too."""
        return self.timestamp_ms


class Rows(NamedTuple):
    """Rows that are no frame yet: values, each with its offset and timestamp."""

    values: Values
    offsets: NDArray[np.int64]
    timestamps_ms: NDArray[np.int64]

    def frame(self) -> pl.DataFrame:
        """Return them as a frame."""
        return _with_places(self.values.frame(), self.offsets, self.timestamps_ms)


class Decoded:
    """What a chunk says.

    ``frame`` has the asked columns in our types and ``_offset``, ``_timestamp_ms`` (Int64), in
    the order of the offsets; ``bad`` and ``marks`` come with their offsets. ``rows`` are the same
    as arrays, where they were read as such: then no frame is made before somebody asks for it.
    """

    __slots__ = ("_frame", "bad", "marks", "rows")

    def __init__(
        self,
        read: pl.DataFrame | Rows,
        bad: list[tuple[int, BadRecord]],
        marks: list[tuple[int, Mark | StageMark]],
    ) -> None:
        self._frame = read if isinstance(read, pl.DataFrame) else None
        self.rows = None if isinstance(read, pl.DataFrame) else read
        self.bad = bad
        self.marks = marks

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self.frame.height if self.rows is None else self.rows.values.height

    @property
    def offsets(self) -> NDArray[np.int64]:
        """The rows' offsets."""
        return self.frame[OFFSET].to_numpy() if self.rows is None else self.rows.offsets

    @property
    def timestamps_ms(self) -> NDArray[np.int64]:
        """The rows' timestamps."""
        return self.frame[TIMESTAMP_MS].to_numpy() if self.rows is None else self.rows.timestamps_ms

    @property
    def frame(self) -> pl.DataFrame:
        """The rows as a frame."""
        if self._frame is None and self.rows is not None:
            self._frame = self.rows.frame()
        return self._frame  # type: ignore[return-value]  # one of both was given


class Asked(NamedTuple):
    """Which columns of which schema."""

    schemas: Schemas
    schema: str
    columns: Sequence[str]


class Chunk(Protocol):
    """Records of one partition between two fetch positions.

    ``fetch_offset`` is the position it was fetched at, ``next_offset`` the next one to fetch:
    greater than the last record's offset and past transaction markers, so a chunk may move the
    position and hold no record.
    """

    @property
    def topic(self) -> str:
        """Topic without the installation's prefix."""

    @property
    def partition(self) -> int:
        """Partition."""

    @property
    def fetch_offset(self) -> int:
        """Position it was fetched at."""

    @property
    def next_offset(self) -> int:
        """Position to fetch next."""

    @property
    def size(self) -> int:
        """About the bytes that it holds."""

    def __len__(self) -> int:
        """Return the number of records."""

    def since(self, offset: int) -> "Chunk":
        """Return the chunk without records below this offset."""

    def decode(self, schemas: Schemas, schema: str, columns: Sequence[str]) -> Decoded:
        """Read the asked columns of all records with a value, and the marks."""

    def record(self, offset: int) -> Record:
        """Return one record as it was read; KeyError if it is not here."""


class KafkaRecord(Protocol):
    """A record as a client delivers it; aiokafka's ConsumerRecord is one."""

    @property
    def offset(self) -> int:
        """Offset."""

    @property
    def timestamp(self) -> int:
        """Kafka timestamp in milliseconds."""

    @property
    def key(self) -> Any:
        """Key: bytes or None."""

    @property
    def value(self) -> Any:
        """Value: bytes or None."""

    @property
    def headers(self) -> Any:
        """Pairs of name and bytes."""


class FetchedChunk(ABC, Generic[Given]):
    """The place of a chunk; how ``given`` is held is the kind's own."""

    __slots__ = ("fetch_offset", "next_offset", "partition", "topic")

    def __init__(
        self,
        topic: str,
        partition: int,
        fetch_offset: int,
        next_offset: int,
        given: Sequence[Given],
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.fetch_offset = fetch_offset
        self.next_offset = next_offset
        self._hold(given)

    @abstractmethod
    def _hold(self, given: Sequence[Given]) -> None:
        """Keep what was fetched."""


class RecordChunk(FetchedChunk[KafkaRecord]):
    """A chunk of single records in the order of their offsets, as the client delivered them.

    What is done for each in Python costs 300 to 400 ns: its value, offset and timestamp are
    looked up; nothing else is touched before it is asked for.
    """

    __slots__ = ("_records",)

    def _hold(self, given: Sequence[KafkaRecord]) -> None:
        self._records = given

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return sum(len(record.value or b"") for record in self._records)

    def __len__(self) -> int:
        return len(self._records)

    def since(self, offset: int) -> "RecordChunk":
        """Return the chunk without records below this offset."""
        if offset <= self.fetch_offset:
            return self
        start = min(offset, self.next_offset)
        rest = self._records[self._place(offset) :]
        return RecordChunk(self.topic, self.partition, start, self.next_offset, rest)

    def record(self, offset: int) -> Record:
        """Return one record as it was read; KeyError if it is not here."""
        place = self._place(offset)
        if place == len(self._records) or self._records[place].offset != offset:
            raise KeyError(offset)
        found = self._records[place]
        headers = tuple((name, bytes(said or b"")) for name, said in found.headers)
        return Record(offset, found.timestamp, found.key, found.value, headers)

    def decode(self, schemas: Schemas, schema: str, columns: Sequence[str]) -> Decoded:
        """Read the asked columns of all records with a value, and the marks.

        Null values without a mark are passed over.
        """
        records = self._records
        marks: list[tuple[int, Mark | StageMark]] = []
        values = [record.value for record in records]
        if None in values:
            marks = _marks([record for record in records if record.value is None])
            records = [record for record in records if record.value is not None]
            values = [record.value for record in records]
        offsets = np.array([record.offset for record in records], np.int64)
        timestamps = np.array([record.timestamp for record in records], np.int64)
        asked = Asked(schemas, schema, columns)
        return Decoded(*read_rows(self, Spans.of(values), offsets, timestamps, asked), marks)

    def _place(self, offset: int) -> int:
        return bisect_left(self._records, offset, key=lambda record: record.offset)


def _marks(records: Sequence[KafkaRecord]) -> list[tuple[int, Mark | StageMark]]:
    read = ((record.offset, read_mark(record.headers)) for record in records)
    return [(offset, mark) for offset, mark in read if mark is not None]


def read_rows(
    chunk: Chunk,
    values: Spans,
    offsets: NDArray[np.int64],
    timestamps_ms: NDArray[np.int64],
    asked: Asked,
) -> tuple[pl.DataFrame | Rows, list[tuple[int, BadRecord]]]:
    """Read the values of a chunk, which have an offset and a timestamp each.

    Returns the rows of ``Decoded`` and the bad records with their offsets.
    """
    read = ColumnDecoder(*asked).decode_spans(values)
    bad = []
    for place, reason in read.bad:
        offset = int(offsets[place])
        location = f"{chunk.topic}/{chunk.partition}/{offset}"
        bad.append((offset, reason.bad_record(location, values.value(place))))
    if isinstance(read.read, Values):
        return Rows(read.read, offsets, timestamps_ms), bad
    if read.rows is not None:
        offsets, timestamps_ms = offsets[read.rows], timestamps_ms[read.rows]
    return _with_places(read.read, offsets, timestamps_ms), bad


def _with_places(
    frame: pl.DataFrame, offsets: NDArray[np.int64], timestamps_ms: NDArray[np.int64]
) -> pl.DataFrame:
    places = [pl.Series(OFFSET, offsets), pl.Series(TIMESTAMP_MS, timestamps_ms)]
    return frame.hstack(places) if frame.width else pl.DataFrame(places)
