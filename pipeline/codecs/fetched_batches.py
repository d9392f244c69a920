"""The batches of one fetch of one partition, as a reader of committed records sees them.

What a client's parser does record by record is done here by whole batches: markers, aborted and
emptied batches are passed over, and the position moves past them.
"""

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.codecs.batch_compression import BatchTooLarge, Decompressor, UnknownCodec
from pipeline.codecs.batch_reader import (
    BatchView,
    Checksum,
    CorruptBatch,
    OldFormat,
    batch_at,
    batch_end,
    bytes_of_records,
)
from pipeline.codecs.raw_batch import RawBatch


class Aborted(NamedTuple):
    """A transaction that was aborted: whose, and where in the partition it began."""

    producer_id: int
    first_offset: int


class FetchedBatches:
    """A response's batches from ``position`` on; ``take`` gives some of them at a time.

    ``position`` is the next offset to fetch after what was taken. ``aborted`` None reads
    uncommitted records too. A batch that is cut at the end of the response is left out.

    ``odd`` is a batch that only a client's own parser may be able to read (an old format, an
    unknown compression): ``take`` gives nothing before ``resume`` says where it ended.
    """

    def __init__(
        self,
        data: memoryview,
        position: int,
        aborted: Iterable[Aborted] | None,
        *,
        decompressor: Decompressor,
        checksum: Checksum | None,
    ) -> None:
        self.position = position
        self.odd: memoryview | None = None
        self._data = data
        self._place = 0
        self._clear = position
        self._committed = aborted is not None
        self._to_abort = sorted(aborted or (), key=lambda each: each.first_offset, reverse=True)
        self._aborting: set[int] = set()
        self._decompressor = decompressor
        self._checksum = checksum
        self._next: BatchView | None = None
        self._opened: RawBatch | None = None
        self._failure: CorruptBatch | BatchTooLarge | None = None
        self._look_ahead()

    @property
    def exhausted(self) -> bool:
        """Return whether nothing is left: no batch, no marker to pass, no error."""
        left = self._next or self._opened or self.odd or self._failure
        return left is None and self.position == self._clear

    def take(self, most_records: int, most_bytes: int) -> list[RawBatch]:
        """Return the next batches: whole ones while they fit.

        A batch that alone holds more records than asked for comes in parts, cut at its offsets;
        ``most_bytes`` is passed by less than a batch. Empty: only markers came, or an odd batch.
        Raises CorruptBatch, BatchTooLarge once all batches before the broken one were given;
        then nothing is left.
        """
        taken: list[RawBatch] = []
        left_records, left_bytes = most_records, most_bytes
        if self._next is not None:
            start = self._place - len(self._next.whole)
            packed = bytes_of_records(self._data, start, most_records)
            self._decompressor.make_room(packed, most_bytes)
        while left_records > 0 and left_bytes > 0 and (size := self._next_records()):
            # Told before it is unfolded: a batch that is left for later belongs to later's block.
            if (taken and size > left_records) or (batch := self._open()) is None:
                break
            if size > left_records:
                cut = batch.first + most_records
                self._opened = batch._replace(first=cut)
                batch = batch._replace(end=cut)
            else:
                self._opened = None
            taken.append(batch)
            left_records -= size
            left_bytes -= len(batch.payload)
        self.position = self._clear if self._opened is None else self._opened.first
        if self._failure is not None and not taken:
            failure, self._failure = self._failure, None
            raise failure
        return taken

    def resume(self, position: int) -> None:
        """Go on after the odd batch, which ended at this offset."""
        self.odd = None
        self._clear = self.position = max(position, self.position)
        self._look_ahead()

    def _next_records(self) -> int:
        """Return how many records of the next batch can count; 0: there is none."""
        if self._opened is not None:
            return _at_most(self._opened)
        view = self._next
        if view is None:
            return 0
        return min(view.records, view.next_offset - max(view.base_offset, self._clear))

    def _open(self) -> RawBatch | None:
        """Return the unfolded next batch, which stays the next until it is taken."""
        if self._opened is None and self._next is not None:
            view, self._next = self._next, None
            try:
                payload = self._decompressor.unfold(view.codec, view.body)
            except (UnknownCodec, CorruptBatch):
                self.odd = view.whole
                return None
            except BatchTooLarge as error:
                self._failure = error
                return None
            self._opened = RawBatch(
                view.base_offset,
                view.base_timestamp_ms,
                view.max_timestamp_ms if view.log_append_time else None,
                view.records,
                payload,
                max(view.base_offset, self._clear),
                view.next_offset,
            )
            self._clear = view.next_offset
            self._look_ahead()
        return self._opened

    def _look_ahead(self) -> None:
        """Find the next batch with records to give, and pass over what comes before it."""
        while (end := batch_end(self._data, self._place)) is not None:
            here, self._place = self._data[self._place : end], end
            try:
                view = batch_at(here, self._checksum)
                if not self._passed_over(view):
                    self._next = view
                    return
            except OldFormat:
                self.odd = here
                return
            except CorruptBatch as error:
                self._failure = error
                return
            self._clear = max(self._clear, view.next_offset)

    def _passed_over(self, view: BatchView) -> bool:
        if self._committed and self._is_aborted(view):
            return True
        return view.control or not view.records or view.next_offset <= self._clear

    def _is_aborted(self, view: BatchView) -> bool:
        """Say whether a batch is part of an aborted transaction; take note of where one ends."""
        while self._to_abort and self._to_abort[-1].first_offset <= view.base_offset:
            self._aborting.add(self._to_abort.pop().producer_id)
        if view.aborts:
            self._aborting.discard(view.producer_id)
        return view.transactional and view.producer_id in self._aborting


def _at_most(batch: RawBatch) -> int:
    """Return how many records of the batch can count."""
    return min(batch.records, batch.end - batch.first)
