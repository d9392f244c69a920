"""The few smallest texts of each group: sample ids, the same whatever the order of rows."""

import numpy as np
import numpy.typing as npt

from pipeline.aggregate import sample_kernels, text_kernels
from pipeline.aggregate.arrow_texts import I64, Bytes, Texts, TextsInLists, picked
from pipeline.aggregate.batch_columns import TextViews

_FIRST_BYTES = 1 << 16
_ALL = np.zeros(0, bool)


class SmallestTexts:
    """Keeps the ``most`` smallest distinct texts of every group; groups are small integers."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._spans: npt.NDArray[np.int64] = np.empty((0, most, 2), np.int64)
        self._pool: Bytes = np.empty(_FIRST_BYTES, np.uint8)
        self._filled: I64 = np.zeros(2, np.int64)

    def add_views(self, groups: I64, texts: TextViews, rows: I64) -> None:
        """Offer the texts of some rows of a column to groups, one to each; nulls to none."""
        if len(groups) == 0:
            return
        self._reach(int(groups.max()) + 1)
        present = _ALL if texts.present is None else texts.present
        done = 0
        while True:
            done = text_kernels.keep_smallest(
                groups, rows, *texts[:3], present, done, self._spans, self._pool, self._filled
            )
            if done == len(groups):
                return
            self._make_room(int(texts.views[2 * rows[done]]) & 0x7FFFFFFF)

    def lists(self, groups: I64) -> TextsInLists:
        """Return each group's texts as a list, ascending."""
        bounds, sizes = np.empty((2, len(groups) + 1), np.int64)
        sample_kernels.measure(groups, self._spans, bounds, sizes)
        offsets, data = np.empty(bounds[-1] + 1, np.int64), np.empty(sizes[-1], np.uint8)
        sample_kernels.give_out(groups, self._spans, self._pool, bounds, sizes, offsets, data)
        return TextsInLists(bounds, Texts(offsets, data))

    def clear(self) -> None:
        """Forget everything; the room it took stays."""
        self._spans[:, :, 1] = text_kernels.NOTHING
        self._filled[:] = 0

    def forget(self, groups: I64) -> None:
        """Forget the texts of groups; each is named once."""
        groups = groups[groups < len(self._spans)]
        lengths = self._spans[groups, :, 1]
        self._filled[1] -= lengths[lengths != text_kernels.NOTHING].sum()
        self._spans[groups, :, 1] = text_kernels.NOTHING

    def keep(self, groups: I64) -> None:
        """Keep these groups alone, numbered anew in this order."""
        self._reach(int(groups.max(initial=-1)) + 1)
        self._spans = self._spans[groups]
        self._filled[1] = self._spans[:, :, 1][self._spans[:, :, 1] != text_kernels.NOTHING].sum()
        self._pack(max(_FIRST_BYTES, 2 * int(self._filled[1])))

    def _reach(self, groups: int) -> None:
        if groups > len(self._spans):
            spans = np.full((2 * groups, self._most, 2), text_kernels.NOTHING, np.int64)
            spans[: len(self._spans)] = self._spans
            self._spans = spans

    def _make_room(self, length: int) -> None:
        """Make the pool larger, or leave out of it what no group refers to any more.

        What is left out is at least half; a pool that is a quarter full then stays.
        """
        used, live = self._filled.tolist()
        if 2 * live > used:
            pool = np.empty(2 * (used + length), np.uint8)
            pool[:used] = self._pool[:used]
            self._pool = pool
            return
        self._pack(max(len(self._pool), 4 * (live + length)))

    def _pack(self, size: int) -> None:
        held = self._spans[:, :, 1] != text_kernels.NOTHING
        starts, lengths = self._spans[held].T
        packed = picked(np.ascontiguousarray(starts), np.ascontiguousarray(lengths), self._pool)
        spans = self._spans[held]
        spans[:, 0] = packed.offsets[:-1]
        self._spans[held] = spans
        self._pool = np.empty(size, np.uint8)
        self._pool[: len(packed.data)] = packed.data
        self._filled[:] = len(packed.data)
