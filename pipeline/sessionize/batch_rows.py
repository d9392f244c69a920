"""A batch as the kernel takes it: a matrix of numbers, texts by their hash."""

from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl

from pipeline.sessionize import row_kernels as row
from pipeline.sessionize.arrays import I64, U64, Flags
from pipeline.sessionize.arrow_columns import numbers, validity
from pipeline.sessionize.batch_kernels import lay_out
from pipeline.sessionize.hashing import text_hash
from pipeline.sessionize.text_pool import KnownTexts, TextPool
from pipeline.sessionize.text_views import TextViews, text_views

_PLAIN: Final = (
    "time",
    "offset",
    "duration",
    "status",
    "login",
    "session_hi",
    "session_lo",
    "key_hi",
    "key_lo",
    "page",
    "write",
    "participated",
    "masqueraded",
)
"""Columns without nulls, in the order of ``lay_out``."""
_NUMBERS: Final = ("actor", "course", "user", "developer_key")
_TEXTS: Final = ("controller", "ip", "user_agent")
_ALL: Final = np.empty(0, np.bool_)


class BatchRows(NamedTuple):
    """The matrix, the texts of controllers and addresses, and the paths."""

    matrix: I64
    texts: tuple[TextViews, TextViews]
    paths: TextViews


def batch_rows(batch: pl.DataFrame) -> BatchRows:
    """Return an event batch of at least one row; columns are those of ``row_kernels``."""
    plain: list[Any] = [batch[name].to_numpy() for name in _PLAIN]
    paths = text_views(batch["path"])
    counted = [numbers(batch[name]) for name in _NUMBERS]
    controllers, ips, agents = (text_views(batch[name]) for name in _TEXTS)
    matrix = np.empty((batch.height, row.COLUMNS), np.int64)
    columns = [
        *plain,
        _valid(batch["session_id"]),
        paths.valid,
        *(each.values for each in counted),
        *(_ALL if each.valid is None else each.valid for each in counted),
        *(text_hash(texts) for texts in (controllers, ips, agents)),
        *(texts.valid for texts in (controllers, ips, agents)),
        matrix,
    ]
    lay_out(*columns)
    return BatchRows(matrix, (controllers, ips), paths)


def keep_texts(pool: TextPool, batch: BatchRows, hashes: U64, rows: I64) -> None:
    """Count the holders of texts that the kernel put into sets, and of those it took out."""
    known, held = KnownTexts(), rows != row.RELEASED
    for kind, texts in enumerate(batch.texts):
        own = np.flatnonzero(held & (rows & 1 == kind))
        if len(own):
            distinct, first = np.unique(hashes[own], return_index=True)
            known.remember(distinct, texts.copies(rows[own[first]] >> 1))
    if held.any():
        pool.hold(hashes[held], known)
    if not held.all():
        pool.release(hashes[~held])


def _valid(column: pl.Series) -> Flags:
    valid = validity(column.to_arrow()) if column.null_count() else None
    return _ALL if valid is None else valid
