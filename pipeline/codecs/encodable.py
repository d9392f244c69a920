"""Columns as the encoding kernels take them: plain arrays, and how long a row may become."""

from typing import Any, Final, NamedTuple, Protocol, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.codecs import encode_kernels as kernels
from pipeline.codecs.arrow_bytes import Bytes, Int64s
from pipeline.codecs.flat_schema import FlatField

Flags = NDArray[np.bool_]

_LONGEST: Final = 10
"""Bytes of the longest varint."""
_NUMBERS: Final = frozenset({"int", "long", "boolean", "float", "double"})
_NO_FLAGS: Final[Flags] = np.zeros(0, np.bool_)
_NO_BYTES: Final[Bytes] = np.zeros(0, np.uint8)


PlainColumn: TypeAlias = "pa.Array[Any] | NDArray[Any] | tuple[NDArray[Any], Flags | None]"
"""A column that costs nothing to make, as one of polars does.

An Arrow array (texts and lists with wide offsets), numbers or flags without nulls, or such with
flags that say which are there (None: all).
"""
Column: TypeAlias = "pl.Series | PlainColumn"


class NullItem(ValueError):
    """A list holds a null, which no array of these schemas does."""


class NullValue(ValueError):
    """A column holds a null where its field takes none."""


class Encodable(Protocol):
    """One field of all rows."""

    def longest(self) -> Int64s | int:
        """Return how many bytes each row's field may have at most."""

    def put(self, rows: slice, out: Bytes, cursors: Int64s) -> None:
        """Write the field of some rows at their cursors and move these on."""


class _Union(NamedTuple):
    valid: Flags
    branches: Bytes

    def put(self, rows: slice, out: Bytes, cursors: Int64s) -> Flags:
        """Write which branch each row takes, if there are any; return which have a value."""
        valid = self.valid[rows]
        if len(self.branches):
            kernels.put_branches(valid, self.branches, out, cursors)
        return valid


class _Longs(NamedTuple):
    values: Int64s
    union: _Union

    def longest(self) -> int:
        return 1 + _LONGEST

    def put(self, rows: slice, out: Bytes, cursors: Int64s) -> None:
        valid = self.union.put(rows, out, cursors)
        kernels.put_longs(self.values[rows], valid, out, cursors)


class _Fixed(NamedTuple):
    cells: Bytes
    width: int
    union: _Union

    def longest(self) -> int:
        return 1 + self.width

    def put(self, rows: slice, out: Bytes, cursors: Int64s) -> None:
        cells = self.cells[rows.start * self.width : rows.stop * self.width]
        valid = self.union.put(rows, out, cursors)
        kernels.put_fixed(cells, self.width, valid, out, cursors)


class _Texts(NamedTuple):
    data: Bytes
    offsets: Int64s
    union: _Union

    def longest(self) -> Int64s:
        return _lengths(self.offsets) + (1 + _LONGEST)

    def put(self, rows: slice, out: Bytes, cursors: Int64s) -> None:
        offsets = self.offsets[rows.start : rows.stop + 1]
        valid = self.union.put(rows, out, cursors)
        kernels.put_texts(self.data, offsets, valid, out, cursors)


class _LongLists(NamedTuple):
    items: Int64s
    bounds: Int64s
    union: _Union

    def longest(self) -> Int64s:
        return _lengths(self.bounds) * _LONGEST + (2 + _LONGEST)

    def put(self, rows: slice, out: Bytes, cursors: Int64s) -> None:
        bounds = self.bounds[rows.start : rows.stop + 1]
        valid = self.union.put(rows, out, cursors)
        kernels.put_long_lists(self.items, bounds, valid, out, cursors)


class _TextLists(NamedTuple):
    data: Bytes
    offsets: Int64s
    bounds: Int64s
    union: _Union

    def longest(self) -> Int64s:
        texts = _lengths(self.offsets[self.bounds])
        return texts + _lengths(self.bounds) * _LONGEST + (2 + _LONGEST)

    def put(self, rows: slice, out: Bytes, cursors: Int64s) -> None:
        bounds = self.bounds[rows.start : rows.stop + 1]
        valid = self.union.put(rows, out, cursors)
        kernels.put_text_lists(self.data, self.offsets, bounds, valid, out, cursors)


def encodable(field: FlatField, column: pl.Series) -> Encodable:
    """Return a column, of the field's type and without nulls where it has none.

    Raises ``NullItem`` for a null within a list.
    """
    if not field.array and field.kind in _NUMBERS and not column.null_count():
        return _numbers(field, column.to_numpy(), _union(field, None))
    return _of_arrow(field, column.to_arrow(compat_level=pl.CompatLevel.oldest()))


def encodable_plain(field: FlatField, column: PlainColumn) -> Encodable | None:
    """Return a column that is not one of polars, under the same conditions.

    None if it is of another type than the field.
    """
    if isinstance(column, pa.Array):
        if not _is_of(column.type, field):
            return None
        if column.null_count and not field.nullable:
            raise NullValue
        return _of_arrow(field, column)
    values, valid = column if isinstance(column, tuple) else (column, None)
    if field.array or values.dtype.kind not in _KINDS.get(field.kind, ""):
        return None
    if valid is None:
        return _numbers(field, values, _union(field, None))
    if not field.nullable:
        raise NullValue
    return _numbers(field, values, _union(field, None)._replace(valid=valid))


_KINDS: Final = {"boolean": "b", "int": "i", "long": "i", "float": "f", "double": "f"}


def _is_of(kind: Any, field: FlatField) -> bool:
    if field.array:
        return pa.types.is_large_list(kind) and _is_of(kind.value_type, field._replace(array=False))
    if field.kind == "string":
        return pa.types.is_large_string(kind)
    return field.kind == "long" and pa.types.is_int64(kind)


def _of_arrow(field: FlatField, array: Any) -> Encodable:
    union = _union(field, array)
    if field.array:
        return _lists(field, array, union)
    if field.kind in {"string", "bytes"}:
        return _Texts(_data(array), _offsets(array), union)
    return _holey(field, array, union)


def _holey(field: FlatField, array: Any, union: _Union) -> Encodable:
    """Return numbers some of which are null."""
    if field.kind == "boolean":
        return _numbers(field, _bits(array, 1), union)
    if field.kind in {"int", "long"}:
        return _Longs(_longs(array), union)
    order: Any = "<f4" if field.kind == "float" else "<f8"
    given = np.frombuffer(array.buffers()[1] or b"", order)
    return _numbers(field, given[array.offset : array.offset + len(array)], union)


def _numbers(field: FlatField, values: Any, union: _Union) -> Encodable:
    if field.kind in {"int", "long"}:
        return _Longs(values.astype(np.int64, copy=False), union)
    plain = np.ascontiguousarray(values)
    return _Fixed(plain.view(np.uint8), plain.itemsize, union)


def _union(field: FlatField, array: Any) -> _Union:
    union = _UNIONS[field.null_branch]
    if field.null_branch is None or array is None or not array.null_count:
        return union
    return union._replace(valid=_bits(array, 0))


_UNIONS: Final[dict[int | None, _Union]] = {
    None: _Union(_NO_FLAGS, _NO_BYTES),
    0: _Union(_NO_FLAGS, np.array([2, 0], np.uint8)),
    1: _Union(_NO_FLAGS, np.array([0, 2], np.uint8)),
}
"""By the branch of null, without nulls: made once, for a commit of few rows has 83 columns."""


def _lengths(ends: Int64s) -> Int64s:
    """Return the differences of neighbours; numpy's own function takes 5 µs longer."""
    lengths: Int64s = ends[1:] - ends[:-1]
    return lengths


def _lists(field: FlatField, array: Any, union: _Union) -> Encodable:
    bounds, items = _offsets(array), array.values
    if items.null_count and items[bounds[0] : bounds[-1]].null_count:
        raise NullItem
    if field.kind in {"string", "bytes"}:
        return _TextLists(_data(items), _offsets(items), bounds, union)
    return _LongLists(_longs(items), bounds, union)


def _bits(array: Any, buffer: int) -> Flags:
    """Return a bitmap of the array as flags."""
    bits = np.frombuffer(array.buffers()[buffer] or b"", np.uint8)
    flags = np.unpackbits(bits, count=array.offset + len(array), bitorder="little")
    return flags[array.offset :].view(np.bool_)


def _longs(array: Any) -> Int64s:
    kind = np.int32 if array.type.bit_width == 32 else np.int64
    values: Any = np.frombuffer(array.buffers()[1] or b"", kind)
    return values[array.offset : array.offset + len(array)].astype(np.int64, copy=False)  # type: ignore[no-any-return]


def _offsets(array: Any) -> Int64s:
    if not len(array):
        return np.zeros(1, np.int64)
    return np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1]


def _data(array: Any) -> Bytes:
    return np.frombuffer(array.buffers()[2] or b"", np.uint8)
