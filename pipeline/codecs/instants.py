"""Instants as Canvas writes them → microseconds since the epoch.

Seen in Canvas data: ``2026-02-15T04:31:07.218Z``, the same without a fraction, with an offset
(``-06:00``), and Ruby's ``2018-10-03 14:50:31 -0600`` (or ``UTC``). All are taken, with a fraction
of one to nine digits (beyond microseconds cut off), ``T`` or a space, and without a zone, which
means UTC as the Data Access Platform documents it. Leap seconds and years beyond four digits are
not instants we know.
"""

import re
from datetime import date
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

_Bytes = npt.NDArray[np.uint8]
_Matrix = npt.NDArray[np.uint8]
_Numbers = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]

_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_LONGEST_FRACTION: Final = 9

_INSTANT: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?: ?([Zz]|UTC|([+-])([0-9]{2}):?([0-9]{2})))?"
)


def parse_instant(text: str) -> int | None:
    """Return the instant in microseconds, None if the text is none."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        return None
    hour, minute, second = int(found[4]), int(found[5]), int(found[6])
    try:
        day = date(int(found[1]), int(found[2]), int(found[3])).toordinal() - _EPOCH_DAY
    except ValueError:
        return None
    if hour > 23 or minute > 59 or second > 59:
        return None
    seconds = day * 86_400 + hour * 3_600 + minute * 60 + second
    if found[9] is not None:
        ahead_h, ahead_min = int(found[10]), int(found[11])
        if ahead_h > 23 or ahead_min > 59:
            return None
        ahead = ahead_h * 3_600 + ahead_min * 60
        seconds += -ahead if found[9] == "+" else ahead
    fraction = found[7] or ""
    return seconds * 1_000_000 + int(fraction[:6].ljust(6, "0"))


def parse_instants(texts: pl.Series) -> pl.Series:
    """Return the instants of a text column as Int64 microseconds, null where there is none.

    Texts of one length and shape are read together as a matrix of digits.
    """
    instants = np.zeros(len(texts), dtype=np.int64)
    known = np.zeros(len(texts), dtype=np.bool_)
    lengths = texts.str.len_bytes().fill_null(0).to_numpy()
    for length in np.unique(lengths).tolist():
        shapes = _shapes(length)
        rows = np.flatnonzero(lengths == length)
        if not shapes:
            continue
        characters = _characters(texts if len(rows) == len(texts) else texts.gather(rows))
        for shape in shapes:
            fits = _fits(characters, shape)
            if not fits.any():
                continue
            chosen = characters if fits.all() else characters[:, fits]
            values, valid = _read(chosen, shape)
            read = rows[fits][valid]
            instants[read] = values[valid]
            known[read] = True
    return pl.Series(texts.name, pa.array(instants, mask=~known))


class _Shape(NamedTuple):
    fraction: int
    zone: str

    @property
    def fraction_end(self) -> int:
        return _SECONDS_END + (self.fraction + 1 if self.fraction else 0)


_ZONES: Final = ("", "Z", " Z", "UTC", " UTC", "+00:00", " +00:00", "+0000", " +0000")
_SECONDS_END: Final = 19
_DIGITS: Final = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
_MARKS: Final = ((4, b"-"), (7, b"-"), (10, b"Tt "), (13, b":"), (16, b":"))
_ZONE_MARKS: Final = {"Z": b"Zz", "+": b"+-"}


def _shapes(length: int) -> list[_Shape]:
    shapes = []
    for zone in _ZONES:
        rest = length - _SECONDS_END - len(zone)
        if rest == 0 or 2 <= rest <= _LONGEST_FRACTION + 1:
            shapes.append(_Shape(max(rest - 1, 0), zone))
    return shapes


def _characters(texts: pl.Series) -> _Matrix:
    """Return the bytes of equally long texts: one row per position, so that each is contiguous."""
    column: Any = texts.to_arrow().cast(pa.large_string())
    _, offsets, data = column.buffers()
    starts = np.frombuffer(offsets, dtype=np.int64)
    first, last = int(starts[column.offset]), int(starts[column.offset + len(column)])
    texts_by_row = np.frombuffer(data, dtype=np.uint8)[first:last].reshape(len(column), -1)
    return np.ascontiguousarray(texts_by_row.T)


def _is_one_of(characters: _Bytes, allowed: bytes) -> _Flags:
    found: _Flags = characters == allowed[0]
    for other in allowed[1:]:
        found |= characters == other
    return found


def _fits(characters: _Matrix, shape: _Shape) -> _Flags:
    """Tell which texts have the shape, digits in range or not."""
    fits = np.ones(characters.shape[1], dtype=np.bool_)
    digits = [*_DIGITS, *range(_SECONDS_END + 1, shape.fraction_end)]
    for at, expected in enumerate(shape.zone, start=shape.fraction_end):
        if expected == "0":
            digits.append(at)
        else:
            fits &= _is_one_of(characters[at], _ZONE_MARKS.get(expected, expected.encode()))
    if not fits.any():
        return fits
    for at, allowed in _MARKS:
        fits &= _is_one_of(characters[at], allowed)
    if shape.fraction:
        fits &= characters[_SECONDS_END] == ord(".")
    for at in digits:
        fits &= (characters[at] - np.uint8(48)) < 10
    return fits


def _number(characters: _Matrix, start: int, end: int) -> _Numbers:
    value: _Numbers = characters[start].astype(np.int64) - 48
    for at in range(start + 1, end):
        value = value * 10 + (characters[at].astype(np.int64) - 48)
    return value


def _read(characters: _Matrix, shape: _Shape) -> tuple[_Numbers, _Flags]:
    instants, valid = _date_and_time(characters)
    if shape.fraction:
        kept = min(shape.fraction, 6)
        micros = _number(characters, _SECONDS_END + 1, _SECONDS_END + 1 + kept)
        instants += micros * 10 ** (6 - kept)
    if "+" in shape.zone:
        sign = shape.fraction_end + shape.zone.index("+")
        minutes_at = sign + shape.zone.rindex("00") - shape.zone.index("+")
        hours = _number(characters, sign + 1, sign + 3)
        minutes = _number(characters, minutes_at, minutes_at + 2)
        valid &= (hours <= 23) & (minutes <= 59)
        ahead = (hours * 60 + minutes) * 60_000_000
        instants -= np.where(characters[sign] == ord("-"), -ahead, ahead)
    return instants, valid


def _date_and_time(characters: _Matrix) -> tuple[_Numbers, _Flags]:
    year, month = _number(characters, 0, 4), _number(characters, 5, 7)
    day, hour = _number(characters, 8, 10), _number(characters, 11, 13)
    minute, second = _number(characters, 14, 16), _number(characters, 17, 19)
    valid = (year > 0) & (month >= 1) & (month <= 12) & (day >= 1)
    valid &= (hour <= 23) & (minute <= 59) & (second <= 59)
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    valid &= days.astype("datetime64[M]") == months
    seconds = days.astype(np.int64) * 86_400 + hour * 3_600 + minute * 60 + second
    return seconds * 1_000_000, valid
