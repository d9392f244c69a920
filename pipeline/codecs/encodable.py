"""Columns as the encoding kernel takes them: where they lie, and how long they may become."""

from typing import Any, Final, NamedTuple, Self, TypeAlias, cast

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.codecs import encode_kernels as kernels
from pipeline.codecs.arrow_bytes import Bytes, Int64s, buffer_of
from pipeline.codecs.flat_schema import FlatField
from pipeline.codecs.row_program import Line, line

Flags = NDArray[np.bool_]

_LONGEST: Final = 10
"""Bytes of the longest varint."""
_NUMBERS: Final = frozenset({"int", "long", "boolean", "float", "double"})


PlainColumn: TypeAlias = "pa.Array[Any] | NDArray[Any] | tuple[NDArray[Any], Flags | None]"
"""A column that costs nothing to make, as one of polars does.

An Arrow array (texts and lists with wide offsets), numbers or flags without nulls, or such with
flags that say which are there (None: all).
"""
Column: TypeAlias = "pl.Series | PlainColumn | TextPlaces"


class TextPlaces(NamedTuple):
    """Texts anywhere in memory: ``there`` says which are not null (None: all).

    ``keeps`` is what they lie in. An address of a null is not looked at.
    """

    addresses: Int64s
    lengths: Int64s
    there: Flags | None
    keeps: Any

    @classmethod
    def of_matrix(cls, texts: Bytes, there: Flags) -> Self:
        """Return the rows of a matrix of bytes, some of which are no texts."""
        rows, width = texts.shape
        addresses = texts.ctypes.data + np.arange(0, rows * width, width)
        return cls(addresses, np.full(rows, width), None if there.all() else there, texts)


class NullItem(ValueError):
    """A list holds a null, which no array of these schemas does."""


class NullValue(ValueError):
    """A column holds a null where its field takes none."""


def encodable(field: FlatField, column: pl.Series) -> Line:
    """Return a column, of the field's type and without nulls where it has none.

    Raises ``NullItem`` for a null within a list.
    """
    if not field.array and field.kind in _NUMBERS and not column.null_count():
        return _numbers(field, column.to_numpy(), None)
    return _of_arrow(field, column.to_arrow(compat_level=pl.CompatLevel.oldest()))


def encodable_plain(field: FlatField, column: "PlainColumn | TextPlaces") -> Line | None:
    """Return a column that is not one of polars, under the same conditions.

    None if it is of another type than the field.
    """
    if isinstance(column, TextPlaces):
        return _spans(field, column)
    if isinstance(column, pa.Array):
        if not _is_of(column.type, field):
            return None
        if column.null_count and not field.nullable:
            raise NullValue
        return _of_arrow(field, column)
    values, valid = column if isinstance(column, tuple) else (column, None)
    if field.array or values.dtype.kind not in _KINDS.get(field.kind, ""):
        return None
    if valid is not None and not field.nullable:
        raise NullValue
    return _numbers(field, values, valid)


_KINDS: Final = {"boolean": "b", "int": "i", "long": "i", "float": "f", "double": "f"}


def _is_of(kind: Any, field: FlatField) -> bool:
    if field.array:
        return pa.types.is_large_list(kind) and _is_of(kind.value_type, field._replace(array=False))
    if field.kind == "string":
        return pa.types.is_large_string(kind)
    return field.kind == "long" and pa.types.is_int64(kind)


def _of_arrow(field: FlatField, array: Any) -> Line:
    if field.array:
        return _lists(field, array)
    if field.kind in {"string", "bytes"}:
        return _texts(field, array)
    return _holey(field, array)


def _texts(field: FlatField, array: Any) -> Line:
    count, (_, offsets, data) = len(array), array.buffers()
    union, valid = _union(field, array)
    ends = _offsets(array, offsets)
    return line(
        kernels.TEXT,
        count,
        int(ends[-1] - ends[0]) + count * (1 + _LONGEST),
        (array, offsets, data, valid),
        union=union,
        valid=_address(valid),
        data=_address(data),
        offsets=_address(offsets) + 8 * array.offset,
    )


def _spans(field: FlatField, texts: TextPlaces) -> Line | None:
    if field.kind != "string" or field.array:
        return None
    if texts.there is not None and not field.nullable:
        raise NullValue
    count = len(texts.addresses)
    addresses, lengths = buffer_of(texts.addresses), buffer_of(texts.lengths)
    valid = None if texts.there is None else buffer_of(texts.there)
    return line(
        kernels.SPAN,
        count,
        int(texts.lengths.sum()) + count * (1 + _LONGEST),
        (texts, addresses, lengths, valid),
        union=UNIONS[field.null_branch],
        valid=_address(valid),
        data=addresses.address,
        offsets=lengths.address,
    )


def _holey(field: FlatField, array: Any) -> Line:
    """Return numbers some of which are null."""
    valid = None if not array.null_count else _bits(array, 0)
    if field.kind == "boolean":
        return _numbers(field, _bits(array, 1), valid)
    if field.kind in {"int", "long"}:
        return _numbers(field, _longs(array), valid)
    order: Any = "<f4" if field.kind == "float" else "<f8"
    given = np.frombuffer(array.buffers()[1] or b"", order)
    return _numbers(field, given[array.offset : array.offset + len(array)], valid)


def _numbers(field: FlatField, values: Any, valid: Flags | None) -> Line:
    whole = field.kind in {"int", "long"}
    values = np.ascontiguousarray(values.astype(np.int64, copy=False) if whole else values)
    memory = buffer_of(values)
    there = None if valid is None else buffer_of(np.ascontiguousarray(valid))
    width = values.itemsize
    return line(
        kernels.LONG if whole else kernels.CELL,
        len(values) if valid is None else min(len(values), len(valid)),
        len(values) * (1 + (_LONGEST if whole else width)),
        (memory, there),
        union=UNIONS[field.null_branch],
        valid=_address(there),
        data=memory.address,
        width=width,
    )


def _union(field: FlatField, array: Any) -> tuple[int, pa.Buffer | None]:
    """Return the branches of a field, and which rows have a value (None: all)."""
    if field.null_branch is None or not array.null_count:
        return UNIONS[field.null_branch], None
    return UNIONS[field.null_branch], buffer_of(_bits(array, 0))


UNIONS: Final[dict[int | None, int]] = {None: 0, 0: 1 | 2 << 8 | 0 << 16, 1: 1 | 0 << 8 | 2 << 16}
"""By the branch of null: the branches as ``encode_kernels.UNION`` has them, as zigzag varints."""


def _lists(field: FlatField, array: Any) -> Line:
    bounds, items = _offsets(array, array.buffers()[1]), array.values
    if items.null_count and items[bounds[0] : bounds[-1]].null_count:
        raise NullItem
    count, held = len(array), int(bounds[-1] - bounds[0])
    union, valid = _union(field, array)
    starts = array.buffers()[1]
    longest = held * _LONGEST + count * (2 + _LONGEST)
    said: dict[str, int] = {
        "union": union,
        "valid": _address(valid),
        "bounds": _address(starts) + 8 * array.offset,
    }
    if field.kind not in {"string", "bytes"}:
        memory = buffer_of(_longs(items))
        keeps = (array, starts, memory, valid)
        return line(kernels.LONG_LIST, count, longest, keeps, data=memory.address, **said)
    _, offsets, data = items.buffers()
    ends = _offsets(items, offsets)
    longest += int(ends[bounds[-1]] - ends[bounds[0]])
    said |= {"data": _address(data), "offsets": _address(offsets) + 8 * items.offset}
    return line(kernels.TEXT_LIST, count, longest, (array, starts, offsets, data, valid), **said)


def _bits(array: Any, buffer: int) -> Flags:
    """Return a bitmap of the array as flags."""
    bits = np.frombuffer(array.buffers()[buffer] or b"", np.uint8)
    flags = np.unpackbits(bits, count=array.offset + len(array), bitorder="little")
    return flags[array.offset :].view(np.bool_)


def _longs(array: Any) -> Int64s:
    kind = np.int32 if array.type.bit_width == 32 else np.int64
    values: Any = np.frombuffer(array.buffers()[1] or b"", kind)
    return values[array.offset : array.offset + len(array)].astype(np.int64, copy=False)  # type: ignore[no-any-return]


def _offsets(array: Any, buffer: pa.Buffer | None) -> Int64s:
    if not len(array):
        return np.zeros(1, np.int64)
    return np.frombuffer(cast(bytes, buffer), np.int64, len(array) + 1, 8 * array.offset)


def _address(buffer: pa.Buffer | None) -> int:
    return 0 if buffer is None else buffer.address
