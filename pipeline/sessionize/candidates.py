"""The values of a batch that may become members of its sessions' sets."""

from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl

from pipeline.sessionize import layout as at
from pipeline.sessionize.arrays import EMPTY, I64, U64, Flags
from pipeline.sessionize.arrow_columns import distinct, large_texts, numbers, validity
from pipeline.sessionize.hashing import mix64, text_hash
from pipeline.sessionize.segments import Segments
from pipeline.sessionize.text_pool import KnownTexts

NUMBER_COLUMNS: Final = (
    (at.COURSES, "course"),
    (at.USERS, "user"),
    (at.DEVELOPER_KEYS, "developer_key"),
)
TEXT_COLUMNS: Final = (
    (at.CONTROLLERS, "controller"),
    (at.IPS, "ip"),
    (at.USER_AGENTS, "user_agent"),
)
FEW_TEXTS: Final = (at.CONTROLLERS, at.USER_AGENTS)
"""A batch repeats these: finding the distinct texts costs less than hashing all."""


class Candidates(NamedTuple):
    """Members to be: owner (segment or slot), set and hash of each, and the texts behind."""

    owners: I64
    sets: I64
    hashes: U64
    texts: KnownTexts


def candidates(batch: pl.DataFrame, segments: Segments) -> Candidates:
    """Return each value of each segment, without most of its repetitions."""
    parts: list[tuple[int, I64, U64]] = []
    texts = KnownTexts()
    for number, name in NUMBER_COLUMNS:
        if batch[name].null_count() < batch.height:
            values, valid = numbers(batch[name])
            hashes = mix64(values.view(np.uint64))
            parts.append((number, *_changes(segments, hashes, valid)))
            if number == at.USERS and (masqueraded := batch["masqueraded"].to_numpy()).any():
                targets = masqueraded if valid is None else masqueraded & valid
                parts.append((at.MASQUERADE_TARGETS, *_changes(segments, hashes, targets)))
    for number, name in TEXT_COLUMNS:
        if batch[name].null_count() < batch.height:
            hashes, valid = _hashed(number, large_texts(batch[name]), texts)
            parts.append((number, *_changes(segments, hashes, valid)))
    if not parts:
        return Candidates(EMPTY, EMPTY, EMPTY.view(np.uint64), texts)
    return Candidates(
        np.concatenate([owners for _, owners, _ in parts]),
        np.repeat([number for number, _, _ in parts], [len(owners) for _, owners, _ in parts]),
        np.concatenate([hashes for _, _, hashes in parts]),
        texts,
    )


def _hashed(number: int, column: Any, texts: KnownTexts) -> tuple[U64, Flags | None]:
    """Hash a text column, and remember the texts if they will be asked for."""
    valid = validity(column)
    given = column if valid is None else column.drop_null()
    if number in FEW_TEXTS:
        places, given = distinct(given)
        known = text_hash(given)
        hashes = known[places]
    else:
        known = hashes = text_hash(given)
    if number in at.TEXT_SETS:
        texts.remember(known, given)
    if valid is None:
        return hashes, None
    everywhere = np.zeros(len(column), np.uint64)
    everywhere[valid] = hashes
    return everywhere, valid


def _changes(segments: Segments, hashes: U64, valid: Flags | None) -> tuple[I64, U64]:
    """Leave out rows without a value, and those whose value stood in the row before."""
    in_order = hashes[segments.order]
    owner = segments.owner
    keep = np.ones(len(in_order), np.bool_)
    keep[1:] = (in_order[1:] != in_order[:-1]) | (owner[1:] != owner[:-1])
    if valid is not None:
        valid = valid[segments.order]
        keep[1:] |= ~valid[:-1]
        keep &= valid
    return owner[keep], in_order[keep]
