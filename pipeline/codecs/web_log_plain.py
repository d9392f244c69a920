"""Lines of a DAP export → columns, for rows as plain as nearly all are; the others are named.

The fastest of three ways, about 1 µs a line: what it passes over goes to ``web_log_columns``. It
takes only rows that ``web_log_lines`` would read to the very same columns; a property test holds
that.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.codecs import web_log_kernels as kernels
from pipeline.codecs.arrow_bytes import Bytes, Int64s, buffer_of
from pipeline.codecs.ids import hex128
from pipeline.codecs.json_lines import JsonLines
from pipeline.codecs.text_views import TextViews, text_column
from pipeline.codecs.web_log_fields import (
    IDS,
    LARGEST_WHOLE,
    NULLABLE_TEXTS,
    RAW_ROW,
    REQUIRED_TEXTS,
    SMALLEST_WHOLE,
    WHOLES,
)

Flags = NDArray[np.bool_]

_SECTIONS: Final = ("meta", "key", "value")
_NO_SECTION: Final = -1
_ALL: Final = np.zeros(0, bool)


class _Field(NamedTuple):
    """A name in a row's JSON, and the column that it becomes ("" for none)."""

    section: int
    name: str
    kind: int
    column: str


def _fields() -> Iterator[_Field]:
    for section in _SECTIONS:
        yield _Field(_NO_SECTION, section, kernels.ACTION, "")
    meta, key, value = range(len(_SECTIONS))
    yield _Field(meta, "action", kernels.ACTION, "")
    yield _Field(meta, "ts", kernels.INSTANT, "committed_at")
    yield _Field(key, "id", kernels.TEXT, "id")
    kinds = {
        kernels.TEXT: ("session_id", *REQUIRED_TEXTS, *NULLABLE_TEXTS),
        kernels.WHOLE: (*IDS, *WHOLES),
        kernels.INSTANT: ("timestamp",),
        kernels.FLAG: ("participated",),
    }
    for kind, names in kinds.items():
        for name in names:
            yield _Field(value, name, kind, name)


_FIELDS: Final = tuple(_fields())
TEXTS: Final = tuple(field.column for field in _FIELDS if field.kind == kernels.TEXT)
NUMBERS: Final = tuple(
    field.column for field in _FIELDS if field.column and field.kind != kernels.TEXT
)
NAMED: Final = {field.column: number for number, field in enumerate(_FIELDS) if field.column}
_REQUIRED: Final = sum(
    1 << NAMED[name] for name in ("id", "timestamp", "participated", *REQUIRED_TEXTS, *WHOLES)
)


class _Table(NamedTuple):
    """Names by a hash without collisions: (length · a + first byte · b + last byte) mod slots."""

    slots: Int64s
    names: Int64s
    fields: Int64s
    a: int
    b: int


def _table() -> _Table:
    names = [field.name.encode() for field in _FIELDS]
    words = np.zeros((len(names), kernels.NAME_WORDS + 1), np.int64)
    fields = np.zeros((len(names), 3), np.int64)
    for number, (name, field) in enumerate(zip(names, _FIELDS, strict=True)):
        padded = name.ljust(8 * kernels.NAME_WORDS, b"\0")
        words[number] = (len(name), *np.frombuffer(padded, "<i8"))
        columns = TEXTS if field.kind == kernels.TEXT else NUMBERS
        place = columns.index(field.column) if field.column else -1
        fields[number] = (field.section, field.kind, place)
    a, b, places = _multipliers(names)
    slots = np.full(kernels.SLOTS, -1, np.int64)
    slots[places] = np.arange(len(names))
    return _Table(slots, words.reshape(-1), fields.reshape(-1), a, b)


def _multipliers(names: Sequence[bytes]) -> tuple[int, int, list[int]]:
    for a in range(1, kernels.SLOTS):
        for b in range(1, kernels.SLOTS):
            places = [(len(name) * a + name[0] * b + name[-1]) % kernels.SLOTS for name in names]
            if len(set(places)) == len(names):
                return a, b, places
    raise ValueError("no hash tells these names apart")


_TABLE: Final = _table()


class Parsed(NamedTuple):
    """What the compiled loop finds in lines; of lines that are not ``plain`` it means nothing.

    ``values`` has a row for each of ``NUMBERS``, ``views`` for each of ``TEXTS``: Arrow views into
    the lines, 8 bytes more behind them. ``present`` has a row for each name; ``NAMED`` says which.
    """

    values: NDArray[np.int64]
    views: NDArray[np.int64]
    present: Flags
    plain: Flags

    def there(self, name: str) -> Flags:
        """Return which rows have a value of a column."""
        there: Flags = self.present[NAMED[name]]
        return there


def parse_plain(lines: JsonLines) -> Parsed:
    """Read what is plain, ids of requests not judged yet."""
    rows = lines.size
    values = np.zeros((len(NUMBERS), rows), np.int64)
    views = np.zeros(len(TEXTS) * 2 * rows + 1, np.int64)[:-1].reshape(len(TEXTS), 2 * rows)
    parsed = Parsed(values, views, np.zeros((len(_FIELDS), rows), bool), np.zeros(rows, bool))
    kernels.read_rows(*lines, *_TABLE, _REQUIRED, *parsed)
    for name in WHOLES:
        whole = values[NUMBERS.index(name)]
        parsed.plain[:] &= (whole >= SMALLEST_WHOLE) & (whole <= LARGEST_WHOLE)
    return parsed


class PlainRows(NamedTuple):
    """``rows`` has the columns of ``RAW_ROW``; ``odd`` are positions of lines left to read."""

    rows: pl.DataFrame
    odd: list[int]


def read_plain(lines: JsonLines) -> PlainRows:
    """Read what is plain; ``row`` is the position in ``lines``. Texts are views into their data."""
    rows = lines.size
    if not rows:
        return PlainRows(pl.DataFrame(schema=RAW_ROW), [])
    parsed = parse_plain(lines)
    values, views, plain = parsed.values, parsed.views, parsed.plain
    columns = {"row": pl.Series("row", np.arange(rows))}
    for place, name in enumerate(TEXTS):
        columns[name] = _text(name, views[place], lines.data, parsed.there(name))
    plain &= hex128(columns["id"]).valid
    for place, name in enumerate(NUMBERS):
        columns[name] = _number(name, values[place], parsed.there(name))
    frame = pl.DataFrame(columns).with_columns(pl.lit(None, pl.String).alias("extra"))
    frame = frame.select(RAW_ROW.keys())
    if plain.all():
        return PlainRows(frame, [])
    return PlainRows(frame.filter(pl.Series(plain)), np.flatnonzero(~plain).tolist())


def _text(name: str, views: Int64s, data: Bytes, present: Flags) -> pl.Series:
    return text_column(TextViews(views, data, _ALL if present.all() else present)).alias(name)


def _number(name: str, values: Int64s, present: Flags) -> pl.Series:
    if name == "participated":
        flags = pl.Series(name, values.astype(bool))
        return flags if present.all() else flags.set(pl.Series(~present), None)
    if present.all():
        return pl.Series(name, values)
    bits = np.packbits(present, bitorder="little")
    array: Any = pa.Array.from_buffers(
        pa.int64(), len(values), [buffer_of(bits), buffer_of(values)]
    )
    return pl.Series(name, array)
