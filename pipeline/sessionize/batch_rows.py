"""A batch as the kernel takes it: a matrix of numbers, texts by their hash."""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.domain.event_columns import EventColumns
from pipeline.sessionize import row_kernels as row
from pipeline.sessionize.arrays import I64, U64, Flags
from pipeline.sessionize.arrow_columns import numbers, validity
from pipeline.sessionize.batch_kernels import lay_out
from pipeline.sessionize.hashing import text_hash
from pipeline.sessionize.text_pool import TextPool
from pipeline.sessionize.text_views import TextViews, text_views

_PLAIN: Final = (
    *("time", "offset", "duration", "status", "login"),
    *("session_hi", "session_lo", "key_hi", "key_lo"),
    *("page", "write", "participated", "masqueraded"),
)
_NUMBERS: Final = ("actor", "course", "user", "developer_key")
_TEXTS: Final = ("controller", "ip", "user_agent", "path")
"""Columns in the order of the arguments of ``lay_out``."""
_ALL: Final = np.empty(0, np.bool_)


class _Columns(NamedTuple):
    plain: list[npt.NDArray[Any]]
    numbers: list[tuple[I64, Flags]]
    texts: list[TextViews]
    has_session: Flags


class BatchRows(NamedTuple):
    """The matrix, the texts of controllers and addresses, and the paths."""

    matrix: I64
    texts: tuple[TextViews, TextViews]
    paths: TextViews


def batch_rows(batch: pl.DataFrame | EventColumns) -> BatchRows:
    """Return an event batch of at least one row; columns are those of ``row_kernels``."""
    plain, numbers, texts, has_session = (
        _of_frame(batch) if isinstance(batch, pl.DataFrame) else _of_columns(batch)
    )
    controllers, ips, agents, paths = texts
    matrix = np.empty((batch.height, row.COLUMNS), np.int64)
    # By place: names cost a small batch more than the loop.
    columns: list[Any] = [
        *plain,
        has_session,
        paths.valid,
        *(values for values, _ in numbers),
        *(present for _, present in numbers),
        text_hash(controllers),
        text_hash(ips),
        text_hash(agents),
        controllers.valid,
        ips.valid,
        agents.valid,
        matrix,
    ]
    lay_out(*columns)
    return BatchRows(matrix, (controllers, ips), paths)


def _of_frame(batch: pl.DataFrame) -> _Columns:
    found = [numbers(batch[name]) for name in _NUMBERS]
    return _Columns(
        [batch[name].to_numpy() for name in _PLAIN],
        [(values, _some(valid)) for values, valid in found],
        [text_views(batch[name]) for name in _TEXTS],
        _valid(batch["session_id"]),
    )


def _of_columns(batch: EventColumns) -> _Columns:
    texts = (batch.texts[name] for name in _TEXTS)
    return _Columns(
        [batch.plain[name] for name in _PLAIN],
        [batch.numbers[name] for name in _NUMBERS],
        [TextViews(views.view(np.uint64), data, present) for views, data, present in texts],
        batch.texts["session_id"][2],
    )


def keep_texts(pool: TextPool, batch: BatchRows, hashes: U64, rows: I64) -> None:
    """Count the holders of texts that the kernel put into sets, and of those it took out."""
    held = rows != row.RELEASED
    for kind, texts in enumerate(batch.texts):
        own = np.flatnonzero(held & (rows & 1 == kind))
        if len(own):
            pool.hold(hashes[own], texts, rows[own] >> 1)
    if not held.all():
        pool.release(hashes[~held])


def _some(valid: Flags | None) -> Flags:
    return _ALL if valid is None else valid


def _valid(column: pl.Series) -> Flags:
    return _some(validity(column.to_arrow()) if column.null_count() else None)
