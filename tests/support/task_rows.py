"""Rows and marks of the input topics, for tests that run tasks in memory."""

import uuid
from typing import Any

from pipeline.codecs.marks import Mark, mark_headers
from pipeline.domain.feeds import TIME_COLUMN, Feed
from pipeline.engine.sessionize_task import INPUTS
from pipeline.engine.stage import MarkBlock

T = 1_770_000_000_000_000
"""An instant; rows are published at it or later."""

IDS = [f"{n:032x}" for n in range(1, 4)]
"""Session ids."""


def web_log(number: int, time: int, **more: Any) -> dict[str, Any]:
    """Return a web_logs row; rows of one number are copies of each other."""
    return {
        "id": str(uuid.UUID(int=number)),
        "timestamp": time,
        "url": "/courses/1?x=1",
        "http_method": "GET",
        "http_status": 200,
        "http_version": "1.1",
        "remote_ip": "192.0.2.1",
        "interaction_micros": 1000,
        "participated": False,
        "session_id": IDS[0],
        "ingested_at": T,
        "source": "test",
        "truncated": False,
        **more,
    }


def live_event(number: int, time: int, **more: Any) -> dict[str, Any]:
    """Return a Live Event; events of one number are copies of each other."""
    return {
        "event_key": f"{1000 + number:032x}",
        "event_name": "asset_accessed",
        "event_time": time,
        "format": "canvas",
        "session_id": IDS[0],
        "body": "{}",
        "ingested_at": T,
        "source": "test",
        "truncated": False,
        **more,
    }


def course_audit(number: int, time: int, **more: Any) -> dict[str, Any]:
    """Return an event of the Course Audit log; events of one number are copies of each other."""
    return {
        "id": str(uuid.UUID(int=(1 << 90) + number)),
        "created_at": time,
        "event_type": "deleted",
        "event_source": "manual",
        "event_data": "{}",
        "course_id": number,
        "user_id": 7,
        "session_id": IDS[0],
        "ingested_at": T,
        "source": "test",
        "truncated": False,
        **more,
    }


def feed_of(row: dict[str, Any]) -> Feed:
    """Return the feed that a row is of."""
    return next(feed for feed, column in TIME_COLUMN.items() if column in row)


def mark(feed: Feed, at: int, partition: int = 0) -> MarkBlock:
    """Return a mark as an agent publishes it to one partition."""
    return MarkBlock(INPUTS[feed].name, partition, mark_headers(Mark(feed, at)))
