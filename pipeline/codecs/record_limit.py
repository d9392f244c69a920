"""Makes records fit the topic's limit (semantics rule 25): cut, marked, not dead."""

from collections.abc import Sequence
from typing import Any, Final

import polars as pl

DEFAULT_LIMIT: Final = 1_000_000
"""Bytes of one record's texts; Kafka's default limit is 1,048,588 for a batch with everything."""

_ELLIPSIS: Final = "…"
_SHORTEST: Final = 200
"""Bytes that a cut text keeps at least."""


def fit(
    frame: pl.DataFrame, texts: Sequence[str], json_texts: Sequence[str], limit: int
) -> pl.DataFrame:
    """Cut the longest of the named columns in rows beyond the limit; set ``truncated`` there.

    A JSON column is replaced by a small object that says so. Adds ``truncated`` if it is missing.
    """
    if "truncated" not in frame.columns:
        whole = pl.Series("truncated", [False]).new_from_index(0, frame.height)
        frame = frame.hstack([whole])
    if frame.estimated_size() <= limit:
        return frame
    columns = (*texts, *json_texts)
    sizes = frame.select(
        pl.sum_horizontal(pl.col(name).str.len_bytes().fill_null(0) for name in columns)
    ).to_series()
    over = sizes > limit
    if not over.any():
        return frame
    frame = frame.with_row_index("_position")
    cut = [_cut(row, columns, json_texts, limit) for row in frame.filter(over).to_dicts()]
    rows = pl.concat([frame.filter(~over), pl.DataFrame(cut, schema=frame.schema)])
    return rows.sort("_position").drop("_position")


def cut_text(text: str, size: int) -> str:
    """Return at most so many bytes of a text, with an ellipsis, cut between characters."""
    room = max(size - len(_ELLIPSIS.encode()), 0)
    return text.encode()[:room].decode(errors="ignore") + _ELLIPSIS


def _cut(
    row: dict[str, Any], columns: Sequence[str], json_texts: Sequence[str], limit: int
) -> dict[str, Any]:
    sizes = {name: len(row[name].encode()) for name in columns if row[name] is not None}
    row["truncated"] = True
    for name in sorted(sizes, key=lambda column: -sizes[column]):
        excess = sum(sizes.values()) - limit
        if excess <= 0:
            break
        if name in json_texts:
            row[name] = f'{{"truncated":true,"length":{sizes[name]}}}'
        else:
            row[name] = cut_text(row[name], max(sizes[name] - excess, _SHORTEST))
        sizes[name] = len(row[name].encode())
    return row
