"""Bad records → columns of dead_letter.avsc (semantics rule 24)."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from pipeline.codecs.broken_redaction import redact_bytes
from pipeline.codecs.record_limit import DEFAULT_LIMIT, cut_text
from pipeline.codecs.redaction import redact_text
from pipeline.domain.bad_record import BadRecord
from pipeline.domain.feeds import Feed

_LONGEST_TEXT: Final = 2_000
"""Bytes of detail and location that are kept."""
_ROOM_FOR_TEXTS: Final = 8_192
_MASKED_WITH_CARE: Final = 4
"""Payloads are masked up to so many times the limit: what is cut off needs no masking."""

SCHEMA: Final[dict[str, pl.DataType]] = {
    "source": pl.String(),
    "feed": pl.String(),
    "location": pl.String(),
    "reason": pl.String(),
    "detail": pl.String(),
    "error_class": pl.String(),
    "payload": pl.Binary(),
    "payload_length": pl.Int64(),
    "payload_sha256": pl.String(),
    "cut": pl.Boolean(),
    "sealed": pl.Binary(),
    "happened_at": pl.Int64(),
}


@dataclass(frozen=True, slots=True)
class CutRecord(BadRecord):
    """A bad record too long to be held; ``payload`` is its beginning."""

    length: int
    sha256: str


def dead_letters(
    bad: Sequence[BadRecord],
    *,
    source: str,
    feed: Feed,
    happened_at: int,
    record_limit: int = DEFAULT_LIMIT,
    seal: Callable[[bytes], bytes] | None = None,
) -> pl.DataFrame:
    """Return one row per bad record, its payload masked and cut at the limit.

    ``seal`` encrypts the original; without it, and where the result would be longer than the limit,
    nothing is sealed. What was never held whole is not sealed either.
    """
    limit = max(record_limit - _ROOM_FOR_TEXTS, 0)
    rows = [
        _row(record, source, feed, happened_at, limit)
        | {"sealed": None if seal is None else _sealed(record, seal, limit)}
        for record in bad
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


def _row(
    record: BadRecord, source: str, feed: Feed, happened_at: int, limit: int
) -> dict[str, Any]:
    masked = redact_bytes(record.payload[: limit * _MASKED_WITH_CARE])
    if isinstance(record, CutRecord):
        length, digest, cut = record.length, record.sha256, True
    else:
        length, digest = len(record.payload), hashlib.sha256(record.payload).hexdigest()
        cut = len(masked) > limit or length > limit * _MASKED_WITH_CARE
    return {
        "source": redact_text(source),
        "feed": feed,
        "location": _short(redact_text(record.location)),
        "reason": record.reason,
        "detail": _short(redact_text(record.detail)),
        "error_class": record.error_class,
        "payload": masked[:limit],
        "payload_length": length,
        "payload_sha256": digest,
        "cut": cut,
        "happened_at": happened_at,
    }


def _sealed(record: BadRecord, seal: Callable[[bytes], bytes], limit: int) -> bytes | None:
    if isinstance(record, CutRecord) or len(record.payload) > limit:
        return None
    sealed = seal(record.payload)
    return sealed if len(sealed) <= limit else None


def _short(text: str) -> str:
    return text if len(text.encode()) <= _LONGEST_TEXT else cut_text(text, _LONGEST_TEXT)
