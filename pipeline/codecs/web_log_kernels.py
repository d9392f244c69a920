"""The compiled way through lines of a DAP export: plain rows of known columns, nothing else.

A row is left to others, whole, as soon as it has anything unusual: an escape or a byte beyond ASCII
in a text, a number written as a text, a column that is not known or comes twice, an instant in
another shape than DAP's. Texts become Arrow views into the lines: no byte of them is copied.
https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout
"""

from typing import Any, Final

import numba as nb
import numpy as np
from numba import types

from pipeline.domain.memory_kernels import byte_at, eight_at, set_word, trailing_zeros, word_at

TEXT: Final = 0
WHOLE: Final = 1
INSTANT: Final = 2
FLAG: Final = 3
ACTION: Final = 4
"""How a column is written; ``ACTION`` is DAP's and must be ``U`` if it is there."""

SLOTS: Final = 256
NAME_WORDS: Final = 4
"""Words of eight bytes that the longest name has."""

_INLINE: Final = 12
_MOST_DIGITS: Final = 18
_LONGEST_FRACTION: Final = 9
_SECONDS_END: Final = 19

_ONES: Final = np.uint64(0x0101010101010101)
_HIGH: Final = np.uint64(0x8080808080808080)
_SPACES: Final = np.uint64(0x2020202020202020)
_QUOTES: Final = np.uint64(0x2222222222222222)
_BACKSLASHES: Final = np.uint64(0x5C5C5C5C5C5C5C5C)
_QUOTE: Final = np.uint64(0x22)
_COMMA: Final = np.uint64(0x2C)
_MINUS: Final = np.uint64(0x2D)
_DOT: Final = np.uint64(0x2E)
_ZERO: Final = np.uint64(0x30)
_COLON: Final = np.uint64(0x3A)
_T: Final = np.uint64(0x54)
_U: Final = np.uint64(0x55)
_Z: Final = np.uint64(0x5A)
_OPEN: Final = np.uint64(0x7B)
_CLOSE: Final = np.uint64(0x7D)
_NULL: Final = np.uint64(0x6C6C756E)
_TRUE: Final = np.uint64(0x65757274)
_FALSE: Final = np.uint64(0x736C6166)
_FOUR: Final = np.uint64(0xFFFFFFFF)
_TEN: Final = np.uint64(10)

_BYTES: Final = types.Array(types.uint8, 1, "C", readonly=True)
_LONGS: Final = types.Array(types.int64, 1, "C", readonly=True)
_WORDS: Final = types.Array(types.uint64, 1, "C", readonly=True)


@nb.njit(cache=True)
def _blank_end(at: Any, end: Any) -> Any:
    while at < end and (byte_at(at, 0) == np.uint64(32) or byte_at(at, 0) == np.uint64(9)):
        at += 1
    return at


@nb.njit(cache=True)
def _text_end(at: Any, end: Any) -> Any:
    """Return where the closing quote of a plain text stands; -1 if it is not plain."""
    while at < end:
        word = eight_at(at, 0)
        quote, escape = word ^ _QUOTES, word ^ _BACKSLASHES
        # The lowest flag of each is exact: a borrow goes upwards only.
        stop = (quote - _ONES) & ~quote
        stop |= (escape - _ONES) & ~escape
        stop |= (word - _SPACES) & ~word
        stop = (stop | word) & _HIGH
        if stop:
            at += np.int64(trailing_zeros(stop) >> np.uint64(3))
            return at if at < end and byte_at(at, 0) == _QUOTE else np.int64(-1)
        at += 8
    return np.int64(-1)


@nb.njit(cache=True)
def _field(at: Any, length: Any, slots: Any, names: Any, a: Any, b: Any) -> Any:
    """Return the number of a name, -1 if it is not known."""
    if length == 0 or length > 8 * NAME_WORDS:
        return np.int64(-1)
    slot = (length * a + np.int64(byte_at(at, 0)) * b + np.int64(byte_at(at, length - 1))) % SLOTS
    field = word_at(slots, slot)
    if field < 0:
        return field
    place = field * (NAME_WORDS + 1)
    if word_at(names, place) != length:
        return np.int64(-1)
    for k in range((length + 7) // 8):
        word = eight_at(at, 8 * k)
        left = length - 8 * k
        if left < 8:
            word &= (np.uint64(1) << np.uint64(8 * left)) - np.uint64(1)
        if np.int64(word) != word_at(names, place + 1 + k):
            return np.int64(-1)
    return field


@nb.njit(cache=True)
def _whole(at: Any, end: Any) -> tuple[Any, Any]:
    """Return a whole number as JSON writes it and where it ends; -1 if it is none, or long."""
    negative = byte_at(at, 0) == _MINUS
    if negative:
        at += 1
    first, value = at, np.int64(0)
    while at < end and byte_at(at, 0) - _ZERO < _TEN:
        value = value * 10 + np.int64(byte_at(at, 0) - _ZERO)
        at += 1
        if at - first > _MOST_DIGITS:
            return value, np.int64(-1)
    if at == first or (byte_at(first, 0) == _ZERO and at - first > 1):
        return value, np.int64(-1)
    return (-value if negative else value), at


@nb.njit(cache=True)
def _digits(at: Any, count: Any) -> Any:
    """Return the number that so many digits say; negative beyond doubt if one is no digit."""
    value = np.int64(0)
    for k in range(count):
        digit = byte_at(at, k) - _ZERO
        if digit >= _TEN:
            return np.int64(-1_000_000_000)
        value = value * 10 + np.int64(digit)
    return value


@nb.njit(cache=True)
def _days(year: Any, month: Any, day: Any) -> Any:
    """Return the days since 1970-01-01, or a number no year has if there is no such day.

    Years begin in March here, so that the leap day is the last.
    """
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if year < 1 or month < 1 or month > 12 or day < 1:
        return np.int64(1) << 40
    longest = np.int64(30 + (month + month // 8) % 2)
    if month == 2:
        longest = np.int64(29 if leap else 28)
    if day > longest:
        return np.int64(1) << 40
    years = year - (1 if month <= 2 else 0)
    in_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return years * 365 + years // 4 - years // 100 + years // 400 + in_year - 719_468


@nb.njit(cache=True)
def _instant(at: Any, length: Any) -> tuple[Any, Any]:
    """Return the microseconds of ``2026-02-15T04:31:07[.218]Z``, and whether it is one."""
    none = np.int64(0)
    if length <= _SECONDS_END or byte_at(at, length - 1) != _Z:
        return none, False
    if not (
        byte_at(at, 4) == _MINUS
        and byte_at(at, 7) == _MINUS
        and byte_at(at, 10) == _T
        and byte_at(at, 13) == _COLON
        and byte_at(at, 16) == _COLON
    ):
        return none, False
    hour, minute, second = _digits(at + 11, 2), _digits(at + 14, 2), _digits(at + 17, 2)
    days = _days(_digits(at, 4), _digits(at + 5, 2), _digits(at + 8, 2))
    if days == np.int64(1) << 40 or hour > 23 or minute > 59 or second > 59:
        return none, False
    if hour < 0 or minute < 0 or second < 0:
        return none, False
    micros, digits = np.int64(0), length - _SECONDS_END - 2
    if digits >= 0:
        if byte_at(at, _SECONDS_END) != _DOT or not 1 <= digits <= _LONGEST_FRACTION:
            return none, False
        micros = _digits(at + _SECONDS_END + 1, digits)
        if micros < 0:
            return none, False
        for _ in range(digits, 6):
            micros *= 10
        for _ in range(6, digits):
            micros //= 10
    return (days * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000_000 + micros, True


@nb.njit(cache=True)
def _put_view(memory: Any, at: Any, length: Any, views: Any, row: Any) -> None:
    head, tail = np.uint64(length), np.uint64(0)
    first = eight_at(at, 0)
    if length > _INLINE:
        head |= first << np.uint64(32)
        tail = np.uint64(at - memory) << np.uint64(32)
    else:
        # What lies behind a short text must be zero.
        tail = eight_at(at, 4)
        if length < 4:
            first &= (np.uint64(1) << np.uint64(8 * length)) - np.uint64(1)
        if length <= 4:
            tail = np.uint64(0)
        elif length < _INLINE:
            tail &= (np.uint64(1) << np.uint64(8 * (length - 4))) - np.uint64(1)
        head |= first << np.uint64(32)
    set_word(views, 2 * row, np.int64(head))
    set_word(views, 2 * row + 1, np.int64(tail))


@nb.njit(cache=True)
def _value(
    memory: Any, at: Any, end: Any, kind: Any, row: Any, values: Any, views: Any
) -> tuple[Any, Any]:
    """Store a value and return where it ends (-1: not plain) and whether it is not null."""
    four = eight_at(at, 0) & _FOUR
    if four == _NULL:
        return at + 4, False
    if kind == WHOLE:
        value, after = _whole(at, end)
        set_word(values, row, value)
        return after, True
    if kind == FLAG:
        set_word(values, row, np.int64(four == _TRUE))
        if four == _TRUE:
            return at + 4, True
        if four == _FALSE and byte_at(at, 4) == np.uint64(0x65):
            return at + 5, True
        return np.int64(-1), True
    if byte_at(at, 0) != _QUOTE:
        return np.int64(-1), True
    first = at + 1
    last = _text_end(first, end)
    if last < 0:
        return last, True
    fine = True
    if kind == TEXT:
        _put_view(memory, first, last - first, views, row)
    elif kind == INSTANT:
        value, fine = _instant(first, last - first)
        set_word(values, row, value)
    else:
        fine = last - first == 1 and byte_at(first, 0) == _U
    return (last + 1 if fine else np.int64(-1)), True


@nb.njit(cache=True)
def _name_end(at: Any, end: Any) -> Any:
    """Return the closing quote of the name that begins here; -1 if none does."""
    if at >= end or byte_at(at, 0) != _QUOTE:
        return np.int64(-1)
    return _text_end(at + 1, end)


@nb.njit(cache=True)
def _after_colon(at: Any, end: Any) -> Any:
    """Return where the value of a member begins whose name ends before; the end if none does."""
    at = _blank_end(at, end)
    if at >= end or byte_at(at, 0) != _COLON:
        return end
    return _blank_end(at + 1, end)


@nb.njit(
    types.void(
        _BYTES,
        _LONGS,
        _LONGS,
        _LONGS,
        _LONGS,
        _LONGS,
        types.int64,
        types.int64,
        types.int64,
        types.int64[:, ::1],
        types.int64[:, ::1],
        types.boolean[:, ::1],
        types.boolean[::1],
    ),
    cache=True,
    nogil=True,
)
def read_rows(
    data: Any,
    starts: Any,
    ends: Any,
    slots: Any,
    names: Any,
    fields: Any,
    a: Any,
    b: Any,
    required: Any,
    values: Any,
    views: Any,
    present: Any,
    plain: Any,
) -> None:
    """Read lines; ``plain`` says which of them were: what the others left behind means nothing.

    ``fields`` has three words for each name: the section it belongs to, its kind, its row in
    ``values`` or ``views``. ``present`` has a row for each name. ``required`` is a mask of names.
    About 750 ns a line of 670 bytes.
    """
    memory: Any = np.int64(data.ctypes.data)
    slot_table: Any = np.int64(slots.ctypes.data)
    name_table: Any = np.int64(names.ctypes.data)
    field_table: Any = np.int64(fields.ctypes.data)
    rows = len(starts)
    value_table: Any = np.int64(values.ctypes.data)
    view_table: Any = np.int64(views.ctypes.data)
    for row in range(rows):
        plain[row] = False
        at, end = memory + starts[row], memory + ends[row]
        if at >= end or byte_at(at, 0) != _OPEN:
            continue
        at += 1
        seen, there, sections, going = np.int64(0), np.int64(0), np.int64(0), True
        while going:
            at = _blank_end(at, end)
            last = _name_end(at, end)
            if last < 0:
                break
            section = _field(at + 1, last - at - 1, slot_table, name_table, a, b)
            if section < 0 or word_at(field_table, 3 * section) >= 0 or sections >> section & 1:
                break
            sections |= np.int64(1) << section
            at = _after_colon(last + 1, end)
            if at >= end or byte_at(at, 0) != _OPEN:
                break
            at = _blank_end(at + 1, end)
            inside = at < end and byte_at(at, 0) != _CLOSE
            while inside:
                inside = False
                at = _blank_end(at, end)
                last = _name_end(at, end)
                if last < 0:
                    at = end
                    break
                field = _field(at + 1, last - at - 1, slot_table, name_table, a, b)
                if field < 0 or word_at(field_table, 3 * field) != section or seen >> field & 1:
                    at = end
                    break
                seen |= np.int64(1) << field
                at = _after_colon(last + 1, end)
                if at >= end:
                    break
                kind, place = (
                    word_at(field_table, 3 * field + 1),
                    word_at(field_table, 3 * field + 2),
                )
                at, given = _value(
                    memory,
                    at,
                    end,
                    kind,
                    row,
                    value_table + 8 * place * rows,
                    view_table + 16 * place * rows,
                )
                if at < 0:
                    at = end
                    break
                if given:
                    there |= np.int64(1) << field
                at = _blank_end(at, end)
                if at < end and byte_at(at, 0) == _COMMA:
                    inside = True
                    at += 1
            if at >= end or byte_at(at, 0) != _CLOSE:
                break
            at = _blank_end(at + 1, end)
            if at < end and byte_at(at, 0) == _COMMA:
                at += 1
                continue
            going = False
            plain[row] = at == end - 1 and byte_at(at, 0) == _CLOSE and there & required == required
        for field in range(present.shape[0]):
            present[field, row] = there >> field & 1
            if not there >> field & 1 and word_at(field_table, 3 * field + 1) == TEXT:
                place = word_at(field_table, 3 * field + 2)
                if place >= 0:
                    set_word(view_table + 16 * place * rows, 2 * row, 0)
                    set_word(view_table + 16 * place * rows, 2 * row + 1, 0)
