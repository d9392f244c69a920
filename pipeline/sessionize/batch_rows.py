"""A batch as the kernel takes it: a matrix of numbers, texts by their hash."""

from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.sessionize import layout as at
from pipeline.sessionize import row_kernels as row
from pipeline.sessionize.arrays import I64, U64, Flags
from pipeline.sessionize.arrow_columns import large_texts, numbers, validity
from pipeline.sessionize.hashing import mix64, pair_hash, text_hash
from pipeline.sessionize.text_pool import KnownTexts, TextPool

_NUMBERS = ((at.COURSES, "course"), (at.USERS, "user"), (at.DEVELOPER_KEYS, "developer_key"))
_TEXTS = ((at.CONTROLLERS, "controller"), (at.IPS, "ip"), (at.USER_AGENTS, "user_agent"))
_FLAGS = (
    (row.PAGE, "page"),
    (row.WRITE, "write"),
    (row.PARTICIPATED, "participated"),
    (row.MASQUERADED, "masqueraded"),
)


class BatchRows(NamedTuple):
    """The matrix, and the texts of controllers and addresses."""

    matrix: I64
    texts: tuple[Any, Any]


def batch_rows(batch: pl.DataFrame) -> BatchRows:
    """Return an event batch of at least one row; columns are those of ``row_kernels``."""
    matrix = np.zeros((batch.height, row.COLUMNS), np.int64)
    matrix[:, row.TIME] = batch["time"].to_numpy()
    high, low = batch["session_hi"].to_numpy(), batch["session_lo"].to_numpy()
    matrix[:, row.ID_HIGH], matrix[:, row.ID_LOW] = high.view(np.int64), low.view(np.int64)
    matrix[:, row.ID_HASH] = pair_hash(high, low).view(np.int64)
    matrix[:, row.KEY_HIGH] = at.ordered(batch["key_hi"].to_numpy())
    matrix[:, row.KEY_LOW] = at.ordered(batch["key_lo"].to_numpy())
    for column, name in ((row.OFFSET, "offset"), (row.DURATION, "duration")):
        matrix[:, column] = batch[name].to_numpy()
    matrix[:, row.STATUS] = batch["status"].to_numpy()
    says = np.zeros(batch.height, np.int64)
    for flag, name in _FLAGS:
        says |= batch[name].to_numpy() * np.int64(flag)
    session = batch["session_id"]
    _say(says, row.HAS_SESSION, validity(session.to_arrow()) if session.null_count() else None)
    login = batch["login"].to_numpy()
    if login.any():
        says |= (login == 1) * np.int64(row.LOGIN) | (login == 2) * np.int64(row.LOGOUT)
    actors, has_actor = numbers(batch["actor"])
    matrix[:, row.ACTOR] = actors
    _say(says, row.HAS_ACTOR, has_actor)
    path = batch["path"]
    _say(says, row.HAS_PATH, validity(path.to_arrow()) if path.null_count() else None)
    texts = _members(batch, matrix, says)
    matrix[:, row.SAYS] = says
    return BatchRows(matrix, texts)


def keep_texts(pool: TextPool, batch: BatchRows, hashes: U64, rows: I64) -> None:
    """Count the holders of texts that the kernel put into sets, and of those it took out."""
    known, held = KnownTexts(), rows != row.RELEASED
    for kind, texts in enumerate(batch.texts):
        own = np.flatnonzero(held & (rows & 1 == kind))
        if len(own):
            distinct, first = np.unique(hashes[own], return_index=True)
            known.remember(distinct, texts.take(pa.array(rows[own[first]] >> 1)))
    if held.any():
        pool.hold(hashes[held], known)
    if not held.all():
        pool.release(hashes[~held])


def _say(says: I64, flag: int, valid: Flags | None) -> None:
    says |= np.int64(flag) if valid is None else valid * np.int64(flag)


def _members(batch: pl.DataFrame, matrix: I64, says: I64) -> tuple[Any, Any]:
    texts: dict[int, Any] = {}
    for number, name in _NUMBERS:
        if batch[name].null_count() == batch.height:
            continue
        values, valid = numbers(batch[name])
        hashes = mix64(values.view(np.uint64)).view(np.int64)
        matrix[:, row.MEMBERS + number] = hashes
        _say(says, 1 << row.HAS_MEMBER + number, valid)
        if number == at.USERS:
            matrix[:, row.MEMBERS + at.MASQUERADE_TARGETS] = hashes
            targets = batch["masqueraded"].to_numpy()
            _say(
                says,
                1 << row.HAS_MEMBER + at.MASQUERADE_TARGETS,
                targets if valid is None else targets & valid,
            )
    for number, name in _TEXTS:
        texts[number] = large_texts(batch[name])
        if batch[name].null_count() == batch.height:
            continue
        valid = validity(texts[number])
        matrix[:, row.MEMBERS + number] = text_hash(texts[number]).view(np.int64)
        _say(says, 1 << row.HAS_MEMBER + number, valid)
    return texts[at.CONTROLLERS], texts[at.IPS]
