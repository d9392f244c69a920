"""Whole record batches out of aiokafka's fetcher: every private hook of its reading side.

aiokafka makes one object per record, 4 µs each. A consumer that is given a ``RawFetch`` in place
of a key deserializer gets ``Taken`` values instead, a few per fetch; other consumers of the same
process are left alone.

What replaces what, in ``aiokafka.consumer.fetcher``:

- ``MemoryRecords`` → ``_Response``: keeps the bytes; parsed only for those who want records.
- ``PartitionRecords`` → ``_partition_records``: the deserializer decides which of the two it is.
- ``FetchResult`` → ``_Result``: gives one ``Taken`` at a time, and lets the fetcher go on
  fetching as soon as the last one was given.

A batch of an old format, or one that cannot be unfolded here, is read by aiokafka's own parser
and taken as records: slower, the same rows. ``HOOKS`` names all of it; a contract test holds it
against the installed version.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, cast

import structlog
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException

from pipeline.codecs.batch_compression import BATCH_LIMIT_BYTES, BatchTooLarge, Decompressor
from pipeline.codecs.batch_reader import CorruptBatch, batch_end
from pipeline.codecs.chunk import Chunk, KafkaRecord, RecordChunk
from pipeline.codecs.fetched_batches import Aborted, FetchedBatches
from pipeline.codecs.raw_batch import RawBatch
from pipeline.codecs.raw_chunk import RawChunk
from pipeline.domain.errors import OurMistake
from pipeline.kafka import frame_hooks  # noqa: F401 - answers come whole
from pipeline.kafka.checksum import checksum

log = structlog.get_logger(__name__)

HOOKS: Final = {
    "aiokafka.consumer.fetcher:PartitionRecords": (
        "next_fetch_offset",
        "_consumer_record",
        "_records_iterator",
    ),
    "aiokafka.consumer.fetcher:FetchResult": (
        "getall",
        "check_assignment",
        "has_more",
        "_update_position",
        "_partition_records",
        "_topic_partition",
    ),
    "aiokafka.consumer.fetcher:MemoryRecords": ("has_next", "size_in_bytes", "next_batch"),
    "aiokafka.consumer.fetcher:Fetcher": ("_key_deserializer", "_records", "_proc_fetch_request"),
}
"""Class → attributes; held against the installed version by a contract test."""

CHUNK_RECORDS: Final = 40_000
CHUNK_BYTES: Final = 32 << 20
"""What a chunk may hold, unfolded; the bytes are passed by less than one batch."""


class Taken(NamedTuple):
    """Some of one fetch: batches, or records where an odd batch had to be parsed."""

    batches: Sequence[RawBatch]
    records: Sequence[KafkaRecord]

    @property
    def most_records(self) -> int:
        """Return how many records it can hold: those of a batch in parts count whole."""
        return len(self.records) + sum(batch.records for batch in self.batches)

    def below(self, end: int) -> "Taken":
        """Return it without records from this offset on."""
        batches = [
            batch._replace(end=min(batch.end, end)) for batch in self.batches if batch.first < end
        ]
        return Taken(batches, [record for record in self.records if record.offset < end])


NOTHING: Final = Taken((), ())


class RawFetch:
    """Asks for whole batches: give it to a consumer as ``key_deserializer``.

    ``chunk_records`` and ``chunk_bytes`` bound one ``Taken``; ``batch_bytes`` is what a single
    batch may unfold to. One consumer each: it holds the buffer that batches unfold into.
    """

    def __init__(
        self,
        chunk_records: int = CHUNK_RECORDS,
        chunk_bytes: int = CHUNK_BYTES,
        batch_bytes: int = BATCH_LIMIT_BYTES,
    ) -> None:
        self.chunk_records = chunk_records
        self.chunk_bytes = chunk_bytes
        self.decompressor = Decompressor(batch_bytes)
        self._said = False

    def __call__(self, key: bytes | None) -> bytes | None:
        """Return the key as it is."""
        return key

    def say_once(self, tp: TopicPartition, position: int) -> None:
        """Log the first batch that had to be parsed record by record."""
        if not self._said:
            self._said = True
            log.warning(
                "batches are parsed record by record",
                topic=tp.topic,
                partition=tp.partition,
                offset=position,
            )


def chunk_of(topic: str, partition: int, start: int, following: int, taken: Taken) -> Chunk:
    """Return what was taken between two positions as a chunk; ``topic`` is without prefix.

    Raises CorruptRecordException if a batch's records are not what its header says.
    """
    if taken.records:
        return RecordChunk(topic, partition, start, following, taken.records)
    try:
        return RawChunk(topic, partition, start, following, taken.batches)
    except CorruptBatch as error:
        raise CorruptRecordException(f"{error} - {topic} {partition}") from error


class BareRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """Gives records as the batch parser made them: what a chunk asks of a record, they have.

    aiokafka copies each into a ConsumerRecord of eleven fields, a quarter of the cost of reading.
    """

    def __iter__(self) -> Iterator[Any]:
        return cast(Iterator[Any], self._records_iterator)

    def _consumer_record(self, tp: Any, record: Any) -> Any:  # noqa: ARG002 - overrides
        return record


class _Response:
    """The bytes of a fetched partition in place of aiokafka's ``MemoryRecords``."""

    def __init__(self, data: bytes | memoryview) -> None:
        self.data = memoryview(data)

    @property
    def parsed(self) -> Any:
        """Return aiokafka's own."""
        return REPLACED["MemoryRecords"](bytes(self.data))

    def has_next(self) -> bool:
        return batch_end(self.data, 0) is not None

    def size_in_bytes(self) -> int:
        return len(self.data)


class _RawPartition:
    """A fetched partition in place of aiokafka's ``PartitionRecords``."""

    def __init__(
        self,
        tp: TopicPartition,
        data: memoryview,
        aborted: list[tuple[int, int]] | None,
        fetch_offset: int,
        raw: RawFetch,
        *,
        check_crcs: bool,
    ) -> None:
        self._tp = tp
        self._raw = raw
        self._check_crcs = check_crcs
        self._batches = FetchedBatches(
            data,
            fetch_offset,
            None if aborted is None else [Aborted(*each) for each in aborted],
            decompressor=raw.decompressor,
            checksum=checksum if check_crcs else None,
        )

    @property
    def next_fetch_offset(self) -> int:
        """Return the position after what was taken."""
        return self._batches.position

    @property
    def exhausted(self) -> bool:
        """Return whether another fetch is needed."""
        return self._batches.exhausted

    def take(self) -> Taken:
        """Return the next batches, or the records of odd ones.

        Raises CorruptRecordException, OurMistake (a batch unfolds beyond the limit).
        """
        raw = self._raw
        try:
            batches = self._batches.take(raw.chunk_records, raw.chunk_bytes)
        except CorruptBatch as error:
            raise CorruptRecordException(f"{error} - {self._tp}") from error
        except BatchTooLarge as error:
            raise OurMistake(
                f"{self._tp.topic} {self._tp.partition}: the batch after offset "
                f"{self.next_fetch_offset - 1} unfolds to {error}."
            ) from error
        if batches:
            return Taken(batches, ())
        return Taken((), self._odd_records()) if self._batches.odd is not None else NOTHING

    def _odd_records(self) -> list[KafkaRecord]:
        """Return the records of the odd batches that come next."""
        self._raw.say_once(self._tp, self.next_fetch_offset)
        records: list[KafkaRecord] = []
        while (odd := self._batches.odd) is not None and len(records) < self._raw.chunk_records:
            parsed = BareRecords(
                self._tp,
                REPLACED["MemoryRecords"](bytes(odd)),
                None,
                self.next_fetch_offset,
                None,
                None,
                self._check_crcs,
                fetcher.READ_UNCOMMITTED,
            )
            records += parsed
            self._batches.resume(parsed.next_fetch_offset)
        return records


class _Result(fetcher.FetchResult):  # type: ignore[misc]
    """A fetched partition that waits to be taken."""

    _partition_records: Any

    def getall(self, max_records: int | None = None) -> list[Any]:
        """Return one ``Taken`` to those who asked for it; it is empty if only markers came.

        So markers alone wake a waiting reader too, which they do not in aiokafka.
        """
        raw = self._partition_records
        if raw is None:
            return []
        if not isinstance(raw, _RawPartition):
            return cast(list[Any], super().getall(max_records))
        if not self.check_assignment(self._topic_partition):
            return []
        try:
            taken = raw.take()
        except Exception:
            self._partition_records = None  # fetched again, as after any broken batch
            raise
        self._update_position()
        if raw.exhausted:
            self._partition_records = None
        return [taken]


def _partition_records(  # noqa: PLR0917 - the replaced class's signature
    tp: TopicPartition,
    records: _Response,
    aborted_transactions: list[tuple[int, int]] | None,
    fetch_offset: int,
    key_deserializer: Any,
    value_deserializer: Any,
    check_crcs: bool,  # noqa: FBT001 - the same
    isolation_level: int,
) -> Any:
    """Stand in for ``PartitionRecords``."""
    if isinstance(key_deserializer, RawFetch):
        committed = isolation_level == fetcher.READ_COMMITTED
        return _RawPartition(
            tp,
            records.data,
            (aborted_transactions or []) if committed else None,
            fetch_offset,
            key_deserializer,
            check_crcs=check_crcs,
        )
    return REPLACED["PartitionRecords"](
        tp,
        records.parsed,
        aborted_transactions,
        fetch_offset,
        key_deserializer,
        value_deserializer,
        check_crcs,
        isolation_level,
    )


REPLACED: Final = {
    name: getattr(fetcher, name) for name in ("MemoryRecords", "PartitionRecords", "FetchResult")
}
"""aiokafka's own."""

# At import, before any consumer of this process has a result waiting: the fetcher tells results
# from errors by their exact class.
fetcher.MemoryRecords = _Response
fetcher.PartitionRecords = _partition_records
fetcher.FetchResult = _Result
