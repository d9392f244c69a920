"""Marks: event time said in-band (semantics rules 16, 17 and 20).

A mark is a record with a null value and one header. Foreign readers see a null and pass on.
"""

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, TypeGuard

from pipeline.domain.feeds import FEEDS, Feed

MARK_HEADER: Final = "watermark"


class Mark(NamedTuple):
    """A feed is complete up to ``at`` (input topics)."""

    feed: Feed
    at: int


class StageMark(NamedTuple):
    """Where a task of a stage stands: per feed its watermark, the idle ones, its limit.

    The deltas topic carries it. ``limit`` is the event time below which rows are late.
    """

    partition: int
    watermarks: dict[Feed, int]
    idle: tuple[Feed, ...]
    limit: int | None


def mark_headers(mark: Mark | StageMark) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of the record that says this mark: one, with compact JSON."""
    text = json.dumps(mark._asdict(), separators=(",", ":"))
    return ((MARK_HEADER, text.encode()),)


def read_mark(headers: Iterable[tuple[str, bytes | None]]) -> Mark | StageMark | None:
    """Return the mark that the headers say; None if they say none that we understand."""
    for name, value in headers:
        if name == MARK_HEADER and value is not None:
            return _read(value)
    return None


def _read(value: bytes) -> Mark | StageMark | None:
    try:
        said = json.loads(value)
    except ValueError:
        return None
    if not isinstance(said, dict):
        return None
    return _stage_mark(said) if "partition" in said else _mark(said)


def _mark(said: dict[str, Any]) -> Mark | None:
    feed, at = _feed(said.get("feed")), said.get("at")
    return Mark(feed, at) if feed is not None and _is_int(at) else None


def _stage_mark(said: dict[str, Any]) -> StageMark | None:
    partition, limit = said["partition"], said.get("limit")
    watermarks, idle = said.get("watermarks"), said.get("idle")
    if not (_is_int(partition) and (limit is None or _is_int(limit))):
        return None
    if not isinstance(watermarks, dict) or not isinstance(idle, list):
        return None
    if not all(_is_int(at) for at in watermarks.values()):
        return None
    # A newer writer may know feeds that we do not: they are left out.
    known = {feed: at for feed, at in watermarks.items() if feed in FEEDS}
    silent = tuple(feed for feed in map(_feed, idle) if feed is not None)
    return StageMark(partition, known, silent, limit)


def _feed(said: Any) -> Feed | None:
    return next((feed for feed in FEEDS if feed == said), None)


def _is_int(said: Any) -> TypeGuard[int]:
    return isinstance(said, int) and not isinstance(said, bool)
