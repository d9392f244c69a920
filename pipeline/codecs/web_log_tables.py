"""A DAP export as a table (CSV, TSV, Parquet) → the lines it would be as JSON, read as such.

Columns are ``meta.ts``, ``meta.action``, ``key.id``, ``value.<column>``, and perhaps others; in
Parquet perhaps nested. What a table holds is written as JSON lines and read by ``web_log_rows``: so
a row means the same in every format, and is refused for the same reasons. Costs 4 (Parquet) to
9 µs (CSV) a row more than the lines themselves.
"""

from collections.abc import Iterator
from typing import Final

import polars as pl

from pipeline.codecs.web_log_fields import IDS, WHOLES
from pipeline.codecs.web_log_rows import Origin, WebLogs, read_web_logs

_SECTIONS: Final = ("meta", "key", "value")
_NUMBERS: Final = frozenset(f"value.{name}" for name in (*IDS, *WHOLES))
_FLAG: Final = "value.participated"
_WHOLE: Final = r"^(?:0|-?[1-9][0-9]{0,17})$"
_FLAGS: Final = {"true": True, "false": False, "t": True, "f": False}
_INSTANT: Final = "%Y-%m-%dT%H:%M:%S%.6fZ"

ID: Final = "key.id"
"""The column that every export has."""


def read_table(table: pl.DataFrame, first: int, origin: Origin) -> WebLogs:
    """Read rows of a table; ``first`` is the number of the first one.

    The payload of a bad row is the JSON object that stands for it.
    """
    texts = _plain_types(_flat(table))
    converted = texts.with_columns(_converted(texts))
    return read_web_logs([line.encode() for line in _lines(texts, converted)], first, origin)


def _lines(texts: pl.DataFrame, converted: pl.DataFrame) -> list[str]:
    """Return a JSON object per row: numbers as such, but where one of a row's is none."""
    lines = _as_json(converted)
    failed = pl.DataFrame(
        texts[name].is_not_null() & converted[name].is_null() for name in texts.columns
    ).select(pl.any_horizontal(pl.all()))
    failing = failed.to_series().arg_true()
    if failing.len():
        lines = lines.scatter(failing, _as_json(texts[failing]))
    return lines.to_list()


def _flat(table: pl.DataFrame) -> pl.DataFrame:
    """Return nested columns as dotted ones."""
    columns: list[pl.Expr] = []
    for name, kind in table.schema.items():
        if isinstance(kind, pl.Struct) and name in _SECTIONS:
            columns += [
                pl.col(name).struct.field(each.name).alias(f"{name}.{each.name}")
                for each in kind.fields
            ]
        else:
            columns.append(pl.col(name))
    return table.select(columns)


def _plain_types(table: pl.DataFrame) -> pl.DataFrame:
    """Return instants and bytes as texts, the others as they are."""
    columns: list[pl.Expr] = []
    for name, kind in table.schema.items():
        column = pl.col(name)
        if isinstance(kind, pl.Datetime):
            if kind.time_zone not in (None, "UTC"):
                column = column.dt.convert_time_zone("UTC")
            columns.append(column.dt.strftime(_INSTANT))
        elif isinstance(kind, pl.Binary | pl.Categorical):
            columns.append(column.cast(pl.String, strict=False))
    return table.with_columns(columns)


def _converted(texts: pl.DataFrame) -> Iterator[pl.Expr]:
    for name, kind in texts.schema.items():
        column = pl.col(name)
        if kind == pl.String and name in _NUMBERS:
            number = pl.when(column.str.contains(_WHOLE)).then(column)
            yield number.cast(pl.Int64).alias(name)
        elif kind == pl.String and name == _FLAG:
            flag = column.replace_strict(_FLAGS, default=None, return_dtype=pl.Boolean)
            yield flag.alias(name)


def _as_json(table: pl.DataFrame) -> pl.Series:
    sections: dict[str, list[pl.Expr]] = {section: [] for section in _SECTIONS}
    others: list[pl.Expr] = []
    for name in table.columns:
        section, _, field = name.partition(".")
        if field and section in sections:
            sections[section].append(pl.col(name).alias(field))
        else:
            others.append(pl.col(name))
    # A row that is deleted has no value; DAP writes its columns as null here.
    structs = [pl.struct(fields).alias(name) for name, fields in sections.items() if fields]
    return table.select(pl.struct(*structs, *others).struct.json_encode()).to_series()
