"""A batch as the kernel takes it: a matrix of numbers, texts by their hash."""

from typing import Final, NamedTuple

import numpy as np
import polars as pl

from pipeline.sessionize import row_kernels as row
from pipeline.sessionize.arrays import I64, U64, Flags
from pipeline.sessionize.arrow_columns import numbers, validity
from pipeline.sessionize.batch_kernels import lay_out
from pipeline.sessionize.hashing import text_hash
from pipeline.sessionize.text_pool import KnownTexts, TextPool
from pipeline.sessionize.text_views import TextViews, text_views

_FLAGS: Final = ("page", "write", "participated", "masqueraded")
_ALL: Final = np.empty(0, np.bool_)


class BatchRows(NamedTuple):
    """The matrix, the texts of controllers and addresses, and the paths."""

    matrix: I64
    texts: tuple[TextViews, TextViews]
    paths: TextViews


def batch_rows(batch: pl.DataFrame) -> BatchRows:
    """Return an event batch of at least one row; columns are those of ``row_kernels``."""
    flags = {name: batch[name].to_numpy() for name in _FLAGS}
    actors, courses = numbers(batch["actor"]), numbers(batch["course"])
    users, developer_keys = numbers(batch["user"]), numbers(batch["developer_key"])
    controllers, ips = text_views(batch["controller"]), text_views(batch["ip"])
    agents, paths = text_views(batch["user_agent"]), text_views(batch["path"])
    matrix = np.empty((batch.height, row.COLUMNS), np.int64)
    lay_out(
        times=batch["time"].to_numpy(),
        offsets=batch["offset"].to_numpy(),
        durations=batch["duration"].to_numpy(),
        statuses=batch["status"].to_numpy(),
        logins=batch["login"].to_numpy(),
        id_high=batch["session_hi"].to_numpy(),
        id_low=batch["session_lo"].to_numpy(),
        key_high=batch["key_hi"].to_numpy(),
        key_low=batch["key_lo"].to_numpy(),
        **flags,
        has_session=_valid(batch["session_id"]),
        has_path=paths.valid,
        actors=actors.values,
        courses=courses.values,
        users=users.values,
        developer_keys=developer_keys.values,
        has_actor=_some(actors.valid),
        has_course=_some(courses.valid),
        has_user=_some(users.valid),
        has_developer_key=_some(developer_keys.valid),
        controllers=text_hash(controllers),
        ips=text_hash(ips),
        agents=text_hash(agents),
        has_controller=controllers.valid,
        has_ip=ips.valid,
        has_agent=agents.valid,
        matrix=matrix,
    )
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


def _some(valid: Flags | None) -> Flags:
    return _ALL if valid is None else valid


def _valid(column: pl.Series) -> Flags:
    return _some(validity(column.to_arrow()) if column.null_count() else None)
