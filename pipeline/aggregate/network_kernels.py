"""The loop that makes networks of client addresses."""

from typing import Any

import numba
from numba import types

_OFFSETS = types.Array(types.int64, 1, "C", readonly=True)
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_COLON, _DOT, _ZERO, _SLASH = 58, 46, 48, 47

ROOM = 24
"""Bytes that a network may need beyond those of its address."""


@numba.njit(types.int64(types.uint8), cache=True)
def _hex(byte: Any) -> Any:
    """Return the value of a hex digit, -1 for anything else."""
    if 48 <= byte <= 57:
        return byte - 48
    if 97 <= byte <= 102:
        return byte - 87
    if 65 <= byte <= 70:
        return byte - 55
    return -1


@numba.njit(types.int64(_BYTES, types.int64, types.int64), cache=True)
def _last_dot(data: Any, start: Any, end: Any) -> Any:
    """Return the place of the third dot of four decimal numbers; -1 if it is none."""
    dots, last, digits = 0, -1, 0
    for at in range(start, end):
        if data[at] == _DOT:
            if digits == 0:
                return -1
            dots, last, digits = dots + 1, at, 0
        elif 48 <= data[at] <= 57 and digits < 3:
            digits += 1
        else:
            return -1
    return last if dots == 3 and digits > 0 else -1


@numba.njit(types.boolean(_BYTES, types.int64, types.int64), cache=True)
def _is_six(data: Any, start: Any, end: Any) -> Any:
    """Tell whether a text may be an IPv6 address: hex digits and dots between colons."""
    colons, digits = 0, 0
    for at in range(start, end):
        if data[at] == _COLON:
            colons, digits = colons + 1, 0
        elif data[at] == _DOT and colons > 1:
            digits = 0
        elif _hex(data[at]) >= 0 and digits < 4:
            digits += 1
        else:
            return False
    return colons > 1


@numba.njit(
    types.int64(_BYTES, types.int64, types.int64, types.uint8[::1], types.int64), cache=True
)
def _write_48(data: Any, start: Any, end: Any, out: Any, to: Any) -> Any:
    """Write the /48 of an IPv6 address in its canonical form (RFC 5952); return its end."""
    first = second = third = number = types.int64(0)
    group, at, digits = 0, start, 0
    while group < 3:
        if at == end or data[at] == _COLON or data[at] == _DOT:
            if digits == 0:
                break  # What follows "::" lies behind the first three groups, or is zero.
            if group == 0:
                first = number
            elif group == 1:
                second = number
            else:
                third = number
            number, digits, group = types.int64(0), 0, group + 1
        else:
            number = number * 16 + _hex(data[at])
            digits += 1
        at += 1
    shown = 3 if third > 0 else 2 if second > 0 else 1 if first > 0 else 0
    for place in range(shown):
        value = third if place == 2 else second if place == 1 else first
        started = False
        for shift in (12, 8, 4, 0):
            digit = (value >> shift) & 15
            if digit or started or shift == 0:
                out[to] = digit + (48 if digit < 10 else 87)
                to += 1
                started = True
        out[to] = _COLON
        to += 1
    for _ in range(1 if shown else 2):
        out[to] = _COLON
        to += 1
    out[to], out[to + 1], out[to + 2] = _SLASH, 52, 56
    return to + 3


@numba.njit(
    types.int64(_OFFSETS, _BYTES, types.int64[::1], types.uint8[::1]),
    cache=True,
)
def write_networks(offsets: Any, data: Any, ends: Any, out: Any) -> Any:
    """Write the network of every address; what is none is copied. Returns the bytes written.

    ``ends[i + 1]`` is where the network of address i ends. About 30 ns an address, where the
    same in polars expressions takes 150 to 250.
    """
    to = 0
    ends[0] = 0
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        last = _last_dot(data, start, end)
        if last >= 0:
            for at in range(start, last + 1):
                out[to] = data[at]
                to += 1
            out[to], out[to + 1], out[to + 2], out[to + 3] = _ZERO, _SLASH, 50, 52
            to += 4
        elif _is_six(data, start, end):
            to = _write_48(data, start, end, out, to)
        else:
            for at in range(start, end):
                out[to] = data[at]
                to += 1
        ends[row + 1] = to
    return to
