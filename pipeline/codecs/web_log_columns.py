"""Many lines of a DAP export → columns at once, and which of the lines need a closer look.

The way for what ``web_log_plain`` passes over, about 7 µs a line: pyarrow reads the block with the
text columns declared and the rest inferred, so that unknown columns show up and numbers written as
texts are seen. It vouches only for rows that ``web_log_lines`` would read to the very same columns;
a property test holds that.

pyarrow's JSON reader is not made for hostile input (a bare ``null`` and very deep nesting crash the
process), so a block is handed over only if every line is one ``{…}`` with few brackets.
"""

import io
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any, Final, NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.json as pj

from pipeline.codecs.canonical import hex_128_column
from pipeline.codecs.instants import parse_instants
from pipeline.codecs.web_log_fields import (
    IDS,
    LARGEST_WHOLE,
    NULLABLE_TEXTS,
    RAW_ROW,
    REQUIRED_TEXTS,
    SMALLEST_WHOLE,
    VALUE_FIELDS,
    WHOLES,
)
from pipeline.codecs.web_log_lines import extra_json

_VALUE_TEXTS: Final = ("id", "timestamp", "session_id", *REQUIRED_TEXTS, *NULLABLE_TEXTS)
_FEW_LINES: Final = 16
"""A failing block is halved down to this many lines, then they are read one by one."""
_DEEPEST: Final = 2_000
"""Opening brackets in one line that pyarrow is trusted with; tried up to 4,000 deep."""
_WHOLE_TEXT: Final = "^-?[0-9]{1,18}$"

_Columns = dict[str, pl.Series]


class Columns(NamedTuple):
    """``rows`` has the columns of ``RAW_ROW``; ``odd`` are positions of lines left to read."""

    rows: pl.DataFrame
    odd: list[int]


def read_columns(lines: Sequence[bytes]) -> Columns:
    """Read what can be read column-wise; ``row`` is the position in ``lines``."""
    frames: list[pl.DataFrame] = []
    odd: list[int] = []
    for start, end, table in _tables(lines, 0, len(lines)):
        if table is None:
            odd.extend(range(start, end))
            continue
        rows, vouched = _typed(table)
        rows = rows.with_columns(pl.int_range(start, end, dtype=pl.Int64).alias("row"))
        if not vouched.all():
            odd.extend((start + (~vouched).arg_true()).to_list())
            rows = rows.filter(vouched)
        frames.append(rows.select(RAW_ROW.keys()))
    return Columns(pl.concat(frames) if frames else pl.DataFrame(schema=RAW_ROW), odd)


def _tables(
    lines: Sequence[bytes], start: int, end: int, as_text: tuple[str, ...] = ()
) -> Iterator[tuple[int, int, pa.Table | None]]:
    table = _table(lines[start:end], as_text)
    if table is not None:
        new = _inferred_times(table)
        if new:
            yield from _tables(lines, start, end, (*as_text, *new))
        else:
            yield start, end, table
    elif end - start <= _FEW_LINES:
        yield start, end, None
    else:
        middle = (start + end) // 2
        yield from _tables(lines, start, middle, as_text)
        yield from _tables(lines, middle, end, as_text)


def _table(lines: Sequence[bytes], as_text: tuple[str, ...]) -> pa.Table | None:
    block = b"\n".join(lines)
    if not _is_safe(block, lines):
        return None
    try:
        block.decode()
        table = pj.read_json(
            io.BytesIO(block),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=pj.ParseOptions(
                explicit_schema=_declared(as_text), unexpected_field_behavior="infer"
            ),
        )
    except (UnicodeDecodeError, pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    # Two objects in one line would shift every row after them.
    return table if table.num_rows == len(lines) else None


def _is_safe(block: bytes, lines: Sequence[bytes]) -> bool:
    if not (block.startswith(b"{") and block.endswith(b"}")):
        return False
    if block.count(b"}\n{") != len(lines) - 1:
        return False
    # A line cannot nest deeper than it is long.
    return all(
        len(line) <= _DEEPEST or line.count(b"[") + line.count(b"{") <= _DEEPEST for line in lines
    )


def _declared(as_text: tuple[str, ...]) -> pa.Schema:
    text = pa.string()
    return pa.schema(
        [
            ("meta", pa.struct([("ts", text), ("action", text)])),
            ("key", pa.struct([("id", text)])),
            ("value", pa.struct([(name, text) for name in (*_VALUE_TEXTS, *as_text)])),
        ]
    )


def _inferred_times(table: pa.Table) -> tuple[str, ...]:
    """Return unknown columns whose texts were taken for timestamps: we keep texts."""
    fields = table.schema.field("value").type
    return tuple(
        field.name
        for field in fields
        if pa.types.is_timestamp(field.type) and field.name not in VALUE_FIELDS
    )


def _members(table: pa.Table, name: str) -> _Columns:
    column: Any = table.column(name).combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0)
    names = [field.name for field in column.type]
    return {name: _series(name, array) for name, array in zip(names, column.flatten(), strict=True)}


def _series(name: str, array: Any) -> pl.Series:
    if pa.types.is_nested(array.type):
        # Only whether there is something matters: such a row is read line by line.
        some = pl.Series(name, array.is_valid())
        return some.set(~some, None).cast(pl.Float64)
    return pl.Series(name, array)


def _typed(table: pa.Table) -> tuple[pl.DataFrame, pl.Series]:
    meta, key, value = (_members(table, name) for name in ("meta", "key", "value"))
    height = table.num_rows
    vouched = _has_no_more(table, meta, key)
    columns: _Columns = {"id": key["id"]}
    vouched &= hex_128_column(key["id"]).is_not_null()
    vouched &= value["id"].is_null() | (value["id"] == key["id"]).fill_null(value=False)
    vouched &= meta["action"].is_null() | (meta["action"] == "U").fill_null(value=False)
    columns["timestamp"] = parse_instants(value["timestamp"])
    columns["committed_at"] = parse_instants(meta["ts"]).rename("committed_at")
    vouched &= columns["timestamp"].is_not_null()
    vouched &= meta["ts"].is_null() | columns["committed_at"].is_not_null()
    for name in (*REQUIRED_TEXTS, *NULLABLE_TEXTS, "session_id"):
        columns[name] = value[name]
    for name in REQUIRED_TEXTS:
        vouched &= value[name].is_not_null()
    for name in (*IDS, *WHOLES):
        given = value.get(name, pl.Series(name, [None] * height, dtype=pl.Int64))
        columns[name], fine = _whole(given)
        vouched &= fine
    for name in WHOLES:
        vouched &= columns[name].is_between(SMALLEST_WHOLE, LARGEST_WHOLE).fill_null(value=False)
    columns["participated"] = _flags(value.get("participated"), height)
    vouched &= columns["participated"].is_not_null()
    columns["extra"], fine = _extra(value, height)
    return pl.DataFrame(columns), vouched & fine


def _has_no_more(table: pa.Table, meta: _Columns, key: _Columns) -> pl.Series:
    """Tell for each row whether nothing unknown stands outside of ``value``."""
    none = pl.repeat(value=True, n=table.num_rows, eager=True)
    for name in table.column_names:
        if name not in ("meta", "key", "value"):
            none &= pl.Series(table.column(name).is_null())
    for members, known in ((meta, ("ts", "action")), (key, ("id",))):
        for name, column in members.items():
            if name not in known:
                none &= column.is_null()
    return none


def _whole(given: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return a column of whole numbers, and where it says what was given."""
    if given.dtype == pl.Int64:
        # -2^63 has no positive counterpart and is refused as an id.
        return given, (given > -(2**63)).fill_null(value=True)
    if given.dtype == pl.String:
        digits = given.str.contains(_WHOLE_TEXT).fill_null(value=True)
        return given.cast(pl.Int64, strict=False), digits
    empty = pl.Series(given.name, [None] * len(given), dtype=pl.Int64)
    return empty, given.is_null()


def _flags(given: pl.Series | None, height: int) -> pl.Series:
    if given is not None and given.dtype == pl.Boolean:
        return given
    return pl.Series("participated", [None] * height, dtype=pl.Boolean)


def _extra(value: _Columns, height: int) -> tuple[pl.Series, pl.Series]:
    """Return unknown columns of simple types as JSON, and where there is nothing else unknown."""
    fine = pl.repeat(value=True, n=height, eager=True)
    simple: list[pl.Series] = []
    for name, column in value.items():
        if name in VALUE_FIELDS or name == "id" or column.null_count() == height:
            continue
        if column.dtype in (pl.Int64, pl.Boolean, pl.String):
            simple.append(column)
        else:
            fine &= column.is_null()
    extra: list[str | None] = [None] * height
    if simple:
        some = pl.any_horizontal(pl.all().is_not_null())
        filled = pl.DataFrame(simple).select(some.alias("some")).to_series()
        rows = pl.DataFrame(simple).filter(filled)
        # Per row, about 3 µs: only rows with a column this version does not know.
        texts = (extra_json(row) for row in rows.iter_rows(named=True))
        for position, text in zip(compress(range(height), filled), texts, strict=True):
            extra[position] = text
    return pl.Series("extra", extra, dtype=pl.String), fine
