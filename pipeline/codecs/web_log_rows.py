"""Lines of a DAP web_logs export → columns of web_log.avsc, deletes, bad records.

Whole blocks go through ``web_log_plain``; what is not plain through ``web_log_columns``; what that
does not vouch for, line by line through ``web_log_lines``. All meet here and are made canonical
together, so it does not matter which way a row took, and a bad line never costs its neighbours.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl

from pipeline.codecs.arrow_bytes import Int64s
from pipeline.codecs.canonical import (
    hex_128_column,
    local_ids,
    text_or_null,
    texts_or_null,
    uuid_column,
)
from pipeline.codecs.ids import dashed, hex32, hex128
from pipeline.codecs.json_lines import JsonLines
from pipeline.codecs.open_values import OpenValues
from pipeline.codecs.record_limit import DEFAULT_LIMIT, fit
from pipeline.codecs.redaction import column_may_hold_secrets, redact_column
from pipeline.codecs.text_lines import TextLines
from pipeline.codecs.web_log_columns import read_columns
from pipeline.codecs.web_log_fields import CONTENT, IDS, NULLABLE_TEXTS, RAW_ROW, REQUIRED_TEXTS
from pipeline.codecs.web_log_lines import Delete, read_line
from pipeline.codecs.web_log_plain import read_plain
from pipeline.codecs.web_log_values import Judge, read_values
from pipeline.domain.bad_record import BadRecord
from pipeline.domain.event_time import EARLIEST, FUTURE_TOLERANCE

_TEXTS: Final = (*REQUIRED_TEXTS, *NULLABLE_TEXTS)
_MANIFOLD: Final = frozenset({"url", "remote_ip"})
"""Columns whose texts are nearly all different."""

_DELETES: Final[dict[str, pl.DataType]] = {"id": pl.String(), "requested_at": pl.Int64()}


class Origin(NamedTuple):
    """Where lines come from, and what they are judged by.

    ``now`` decides which rows are dated in the future (semantics rule 19); ``home_shard`` makes
    global ids of that shard local (rule 2).
    """

    name: str
    now: int
    home_shard: int | None = None
    record_limit: int = DEFAULT_LIMIT


_FEW: Final = 200
"""Fewer lines that are not plain are read one by one: 30 µs each, as columns 10 ms together."""


class WebLogs(NamedTuple):
    """What some lines held: read = rows + deletes + bad.

    ``rows`` has the columns ``CONTENT`` of web_log.avsc in the order of the lines, ``deletes`` has
    ``id`` and ``requested_at``; ``bad`` has with each record its position among the lines read.
    """

    rows: pl.DataFrame
    deletes: pl.DataFrame
    bad: list[tuple[int, BadRecord]]
    read: int


def read_web_log_text(text: TextLines, first_line: int, origin: Origin) -> WebLogs:
    """Read a text of whole lines; blank ones count for the numbering only."""
    found = JsonLines.found(text)
    if found is None:
        return read_web_logs(text.text().split(b"\n"), first_line, origin)
    lines, places = found
    return _read_lines(lines, places + first_line, origin)


def read_web_log_values(
    text: TextLines, first_line: int, origin: Origin, values: OpenValues
) -> WebLogs:
    """Do the same, but give rows as open values with their ``timestamp``."""
    found = JsonLines.found(text)
    if found is None:
        logs = read_web_log_text(text, first_line, origin)
        return logs._replace(rows=values.of_rows(logs.rows, web_log_key(), "timestamp"))
    lines, places = found
    judge = Judge(origin.now, origin.home_shard, origin.record_limit)
    rows, left = read_values(lines, judge, values, web_log_key())
    if not left.size:
        return WebLogs(rows, _deletes([]), [], lines.size)
    others = JsonLines(lines.data, lines.starts[left], lines.ends[left])
    raw, deletes, bad = _read_raw(others, places[left] + first_line, origin)
    plain = np.delete(np.arange(lines.size), left)
    unusual = values.of_rows(_canonical(raw, origin), web_log_key(), "timestamp")
    both = (
        rows.with_columns(pl.Series("_row", plain)),
        unusual.with_columns(pl.Series("_row", left[raw["row"].to_numpy()])),
    )
    rows = pl.concat(both).sort("_row").drop("_row")
    return WebLogs(
        rows, _deletes(deletes), [(int(left[at]), record) for at, record in bad], lines.size
    )


def read_web_logs(lines: Sequence[bytes], first_line: int, origin: Origin) -> WebLogs:
    """Read lines without their line ends; blank ones count for the numbering only."""
    numbered = [(n, line) for n, line in enumerate(map(bytes.strip, lines), first_line) if line]
    positions = [number for number, _ in numbered]
    return _read_lines(JsonLines.of([line for _, line in numbered]), positions, origin)


def _read_lines(lines: JsonLines, positions: Sequence[int] | Int64s, origin: Origin) -> WebLogs:
    rows, deletes, bad = _read_raw(lines, positions, origin)
    return WebLogs(_canonical(rows, origin), _deletes(deletes), bad, lines.size)


def _read_raw(
    lines: JsonLines, positions: Sequence[int] | Int64s, origin: Origin
) -> tuple[pl.DataFrame, list[tuple[int, Delete]], list[tuple[int, BadRecord]]]:
    """Return rows as ``RAW_ROW`` has them, in time; deletes and bad records with their places."""
    rows, odd = _read(lines)
    careful: list[dict[str, Any]] = []
    deletes: list[tuple[int, Delete]] = []
    bad: list[tuple[int, BadRecord]] = []
    for at in odd:
        result = read_line(lines.line(at), f"{origin.name}:{positions[at]}")
        if isinstance(result, BadRecord):
            bad.append((at, result))
        elif isinstance(result, Delete):
            deletes.append((at, result))
        else:
            careful.append({"row": at, **result})
    if careful:
        rows = pl.concat([rows, pl.DataFrame(careful, schema=RAW_ROW)]).sort("row")
    rows, untimely = _timely(rows, origin.now)
    bad += [
        (at, _untimely(lines.line(at), f"{origin.name}:{positions[at]}", when, origin.now))
        for at, when in untimely
    ]
    bad.sort(key=lambda found: found[0])
    return rows, deletes, bad


def with_agent_columns(
    rows: pl.DataFrame, source: str, root_account_id: int | None, ingested_at: int
) -> pl.DataFrame:
    """Add what the agent knows; the result has every column of web_log.avsc."""
    return rows.with_columns(
        pl.lit(root_account_id, dtype=pl.Int64).alias("root_account_id"),
        pl.lit(ingested_at, dtype=pl.Int64).alias("ingested_at"),
        pl.lit(source, dtype=pl.String).alias("source"),
    )


def web_log_key() -> pl.Expr:
    """Return the partition key of a row (semantics rule 4)."""
    return pl.coalesce(
        pl.col("session_id"),
        pl.coalesce("real_user_id", "user_id").cast(pl.String),
        text_or_null("remote_ip"),
        pl.col("id"),
    )


def _read(lines: JsonLines) -> tuple[pl.DataFrame, list[int]]:
    """Return the rows that can be read column-wise and the positions of the other lines."""
    rows, left = read_plain(lines)
    if len(left) < _FEW:
        return rows, left
    unusual, odd = read_columns([lines.line(at) for at in left])
    if unusual.height:
        positions = pl.Series("row", left).gather(unusual["row"])
        rows = pl.concat([rows, unusual.with_columns(positions)]).sort("row")
    return rows, [left[at] for at in odd]


def _canonical(rows: pl.DataFrame, origin: Origin) -> pl.DataFrame:
    columns = [_uuids(rows["id"]), _sessions(rows["session_id"])]
    version = rows["http_version"]
    if version.unique().str.starts_with("HTTP/").any():
        rows = rows.with_columns(version.str.strip_prefix("HTTP/"))
    columns += [_clean(rows[name]) for name in _TEXTS]
    rows = rows.with_columns(columns)
    if origin.home_shard is not None:
        rows = rows.with_columns(local_ids(name, origin.home_shard) for name in IDS)
    rows = rows.with_columns(pl.col("http_status", "interaction_micros").cast(pl.Int32))
    return fit(rows, _TEXTS, ("extra",), origin.record_limit).select(CONTENT)


def _uuids(column: pl.Series) -> pl.Series:
    ids = hex128(column)
    return dashed(ids.hi, ids.lo).alias(column.name) if ids.valid.all() else uuid_column(column)


def _sessions(column: pl.Series) -> pl.Series:
    ids = hex128(column)
    # What is null here may still be a session to the slower way, which knows white space.
    if ids.valid.all():
        return hex32(ids.hi, ids.lo).alias(column.name)
    return hex_128_column(column)


def _clean(column: pl.Series) -> pl.Series:
    """Return a column of texts without secrets, and without sentinels where they mean null."""
    # Most columns have few different texts: finding these costs a fifth of searching all.
    found = column if column.name in _MANIFOLD else column.unique()
    if column.name in NULLABLE_TEXTS and texts_or_null(found) is not found:
        column = texts_or_null(column)
    return redact_column(column) if found is column or column_may_hold_secrets(found) else column


def _timely(rows: pl.DataFrame, now: int) -> tuple[pl.DataFrame, list[tuple[int, int]]]:
    fits = rows["timestamp"].is_between(EARLIEST, now + FUTURE_TOLERANCE)
    if fits.all():
        return rows, []
    return rows.filter(fits), list(rows.filter(~fits).select("row", "timestamp").iter_rows())


def _untimely(line: bytes, location: str, when: int, now: int) -> BadRecord:
    return BadRecord(location, "time", untimely_detail(when, now), "Untimely", line)


def untimely_detail(when: int, now: int) -> str:
    """Say what is wrong with an event time outside the limits of semantics rule 19."""
    if when < EARLIEST:
        return "the row is dated before 2000-01-01"
    return f"the row is dated {(when - now) // 1_000_000} s after it was read"


def _deletes(deletes: list[tuple[int, Delete]]) -> pl.DataFrame:
    return pl.DataFrame([delete for _, delete in deletes], schema=_DELETES, orient="row")
