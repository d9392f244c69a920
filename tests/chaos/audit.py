"""The Course Audit log of a run: what it notes of some of the simulated requests.

The simulator's own log has one to three events of so few people, too few to meet a fault. An
event is a line until the lines of a piece are folded into pages, as the API answers them.
"""

import json
import random
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from pipeline.domain.event_time import MICROS
from pipeline.simulator.course_audit import Noted, pages

NOTED_SHARE: Final = 0.2
"""Of the requests that name a course."""

BAD_SHARE: Final = 0.01
"""Of the events: they have no links."""

BROKEN_SHARE: Final = 0.1
"""Of the pieces: their last page is there once more, cut off."""

_TYPES: Final = ("created", "updated", "published", "unpublished", "concluded", "claimed")
_CHANGES: Final = ({"name": ["Course", "Another"]}, {"is_public": [False, True]}, {})


class AuditLog:
    """Notes requests, each once, however often ``web_logs`` has its row."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._seen: set[str] = set()

    def lines(self, requests: Sequence[str]) -> list[str]:
        """Return a line, ``{"event": …, "view": …}``, for some of the rows of ``web_logs``."""
        lines = []
        for text in requests:
            try:
                row = json.loads(text)
                request, value = row["key"]["id"], row["value"]
                course, at = value["course_id"], datetime.fromisoformat(value["timestamp"])
            except (ValueError, KeyError, TypeError):
                continue  # a bad line, a deletion, a request about no course
            if request not in self._seen and self._dice.random() < NOTED_SHARE:
                self._seen.add(request)
                lines.append(json.dumps(self._noted(request, value, course, at)))
        return lines

    def _noted(
        self, request: str, value: dict[str, Any], course: int, at: datetime
    ) -> dict[str, Any]:
        session = value.get("session_id")
        links = {"course": course, "user": value.get("user_id"), "page_view": request}
        event = {
            "id": str(uuid.UUID(int=self._dice.getrandbits(128), version=4)),
            "created_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "event_type": self._dice.choice(_TYPES),
            "event_source": "api" if session is None else "manual",
            "event_data": self._dice.choice(_CHANGES),
        }
        if self._dice.random() >= BAD_SHARE:
            event["links"] = links
        return {"event": event, "view": {"id": request, "session_id": session}}


def folded(lines: Sequence[str], dice: random.Random) -> list[str]:
    """Return the pages of events, a line each; now and then a broken one at the end."""
    noted = [_read(json.loads(line)) for line in lines]
    found = pages(noted)
    if found and dice.random() < BROKEN_SHARE:
        found.append(found[-1][: len(found[-1]) // 2])
    return found


def _read(line: dict[str, Any]) -> Noted:
    at = datetime.fromisoformat(line["event"]["created_at"])
    view = None if line["view"] is None else json.dumps(line["view"])
    return Noted(int(at.timestamp()) * MICROS, json.dumps(line["event"]), view)
