"""Lines that no reader can understand, each broken in one clear way."""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pipeline.domain.feeds import LIVE_EVENTS, WEB_LOGS, Feed
from pipeline.simulator.dice import Dice
from pipeline.simulator.instance import HOST
from pipeline.simulator.times import iso_ms

WEB_LOG_KINDS: Final = (
    "cut_short",
    "not_json",
    "no_key",
    "id_not_uuid",
    "time_unreadable",
    "status_not_a_number",
    "no_value",
)
LIVE_EVENT_KINDS: Final = ("cut_short", "no_event_time", "not_an_object", "no_metadata")
# Of seven bad lines two are Live Events.
_LIVE_OF_SEVEN: Final = (2, 5)


class BadLine(NamedTuple):
    """A broken line and how it is broken."""

    feed: Feed
    kind: str
    text: str


def bad_lines(count: int, times_us: Sequence[int], dice: Dice) -> list[BadLine]:
    """Make broken lines, one for each of the first `count` times; kinds take turns."""
    lines = []
    web = live = 0
    for number in range(count):
        time = iso_ms(times_us[number])
        if number % 7 in _LIVE_OF_SEVEN:
            kind = LIVE_EVENT_KINDS[live % len(LIVE_EVENT_KINDS)]
            live += 1
            lines.append(BadLine(LIVE_EVENTS, kind, _live_event(kind, time, dice.uuid4())))
        else:
            kind = WEB_LOG_KINDS[web % len(WEB_LOG_KINDS)]
            web += 1
            lines.append(BadLine(WEB_LOGS, kind, _web_log(kind, time, dice.uuid4())))
    return lines


def _web_log(kind: str, time: str, request_id: str) -> str:
    value: dict[str, Any] = {
        "timestamp": time,
        "url": "/courses",
        "http_method": "GET",
        "http_status": 200,
        "http_version": "2.0",
        "remote_ip": "192.0.2.77",
        "interaction_micros": 50_000,
        "participated": False,
    }
    key = {"id": request_id}
    row: dict[str, Any] = {"meta": {"action": "U", "ts": time}, "key": key, "value": value}
    match kind:
        case "no_key":
            del row["key"]
        case "id_not_uuid":
            key["id"] = "row-17"
        case "time_unreadable":
            value["timestamp"] = "yesterday"
        case "status_not_a_number":
            value["http_status"] = "OK"
        case "no_value":
            del row["value"]
        case "not_json":
            return "upstream connect error or disconnect/reset before headers"
        case _:
            return _text(row)[:150]
    return _text(row)


def _live_event(kind: str, time: str, request_id: str) -> str:
    metadata = {
        "event_name": "logged_out",
        "event_time": time,
        "request_id": request_id,
        "producer": "canvas",
        "hostname": HOST,
    }
    event: dict[str, Any] = {"metadata": metadata, "body": {}}
    match kind:
        case "no_event_time":
            del metadata["event_time"]
        case "no_metadata":
            del event["metadata"]
        case "not_an_object":
            return '"logged_out"'
        case _:
            return _text(event)[:90]
    return _text(event)


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
