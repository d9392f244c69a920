"""Event batches of either make: frames, and arrays where nothing else is asked for."""

from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.codecs.chunk import Rows
from pipeline.codecs.event_columns import EventColumns
from pipeline.codecs.request_batch import request_columns
from pipeline.domain.event_time import EARLIEST, FUTURE_TOLERANCE

Flags = NDArray[np.bool_]
Longs = NDArray[np.int64]
Words = NDArray[np.uint64]
EventBatch: TypeAlias = "pl.DataFrame | EventColumns"


def requests_of(rows: Rows) -> EventColumns | None:
    """Return rows of web_logs as an event batch; None if one has no event key."""
    batch = request_columns(rows.values, rows.offsets)
    keyed = (batch.plain["key_hi"] | batch.plain["key_lo"]).all()
    return batch if keyed else None


def sane(times: Longs, published_ms: Longs) -> Flags:
    """Rule 19: neither before 2000 nor dated later than an hour after its publication."""
    dated: Flags = times >= EARLIEST
    dated &= times <= published_ms * 1000 + FUTURE_TOLERANCE
    return dated


def plain(batch: EventBatch, name: str) -> NDArray[Any]:
    """Return a column of numbers or flags without nulls."""
    return batch[name].to_numpy() if isinstance(batch, pl.DataFrame) else batch.plain[name]


def some(batch: EventBatch, chosen: Flags) -> EventBatch:
    """Return the chosen rows."""
    if isinstance(batch, pl.DataFrame):
        return batch.filter(pl.Series(chosen))
    return batch.some(np.flatnonzero(chosen))


def without_session(batch: EventBatch) -> int:
    """Return how many rows are of no session."""
    if isinstance(batch, pl.DataFrame):
        return batch["session_id"].null_count()
    present = batch.texts["session_id"].present
    return len(present) - int(np.count_nonzero(present))
