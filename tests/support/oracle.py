"""Sessions the naive way: sort the rows of an id, split them, look at every row.

Plain Python on purpose, and written from the rules alone: shares no code with the pipeline.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from pipeline.domain.event_time import EventTimeRules
from tests.support.event_rows import Row

CAP = 32
MASK = (1 << 64) - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def splitmix(value: int) -> int:
    z = (value + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def text_hash(text: str) -> int:
    data = text.encode()
    hashed = splitmix(len(data))
    for i in range(0, len(data), 8):
        hashed = splitmix(hashed ^ int.from_bytes(data[i : i + 8], "little"))
    return hashed


def signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def activity_date(time: int, rules: EventTimeRules) -> Any:
    local = (EPOCH + timedelta(microseconds=time)).astimezone(ZoneInfo(rules.time_zone))
    since_midnight = local.hour * 3600 + local.minute * 60 + local.second
    before = since_midnight < rules.day_start_s
    return local.date() - timedelta(days=1) if before else local.date()


def sessions_of(rows: Iterable[Row], rules: EventTimeRules) -> dict[tuple[str, int], dict]:
    """Return the final session of each identity, without version."""
    by_id: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_id[row.session].append(row)
    result = {}
    for own in by_id.values():
        own.sort(key=lambda row: (row.time, row.key))
        parts = list(split(own, rules))
        for i, part in enumerate(parts):
            neighbours = [
                (parts[j][-1], part[0]) if j < i else (part[-1], parts[j][0])
                for j in (i - 1, i + 1)
                if 0 <= j < len(parts)
            ]
            continued = any(b.time - a.time <= rules.gap for a, b in neighbours)
            record = session_of(part, continued=continued, gap=rules.gap)
            result[record["session_id"], record["start"]] = record
    return result


def split(rows: list[Row], rules: EventTimeRules) -> Iterator[list[Row]]:
    part = [rows[0]]
    for before, row in pairwise(rows):
        same_day = activity_date(before.time, rules) == activity_date(row.time, rules)
        if row.time - before.time > rules.gap or not same_day:
            yield part
            part = []
        part.append(row)
    yield part


def session_of(rows: list[Row], *, continued: bool, gap: int) -> dict[str, Any]:
    web = [row for row in rows if row.feed == "web_logs"]
    live = [row for row in rows if row.feed == "live_events"]
    record: dict[str, Any] = {
        "session_id": f"{rows[0].session:032x}",
        "start": rows[0].time,
        "end": rows[-1].time,
        "status": "final",
        "revision": len(rows),
        "continued": continued,
        "closes_at": rows[-1].time + gap,
        "requests": len(web),
        "events": len(live),
        "pages": sum(row.page for row in web),
        "writes": sum(row.write for row in web),
        "participations": sum(row.participated for row in web),
        "errors": sum(row.status >= 400 for row in web),
        "duration_sum": sum(row.duration for row in web),
        "duration_max": max((row.duration for row in web), default=0),
        "masqueraded_requests": sum(row.masqueraded for row in web),
        "masqueraded_events": sum(row.masqueraded for row in live),
        "logged_in_at": min((row.time for row in rows if row.login == 1), default=None),
        "logged_out_at": max((row.time for row in rows if row.login == 2), default=None),
    }
    for number in range(1, 6):
        record[f"status_{number}xx"] = sum(row.status // 100 == number for row in web)
    record["status_other"] = sum(not 100 <= row.status <= 599 for row in web)
    for feed, own in (("web_logs", web), ("live_events", live)):
        record[f"{feed}_first_offset"] = min((row.offset for row in own), default=None)
        record[f"{feed}_last_offset"] = max((row.offset for row in own), default=None)
    pathed = [row for row in rows if row.path is not None]
    for name, field, row in (
        ("actor", "actor", next((row for row in rows if row.actor is not None), None)),
        ("entry", "entry_path", pathed[0] if pathed else None),
        ("exit", "exit_path", pathed[-1] if pathed else None),
    ):
        record[field] = row and (row.actor if name == "actor" else row.path)
        record[f"{name}_at"] = row and row.time
        record[f"{name}_key"] = row and f"{row.key:032x}"
    return record | sets_of(rows)


def sets_of(rows: list[Row]) -> dict[str, Any]:
    def number(value: int) -> int:
        return splitmix(value & MASK)

    record: dict[str, Any] = {}
    fields: tuple[tuple[str, Callable[[Any], int], set[Any]], ...] = (
        ("courses", number, {row.course for row in rows}),
        ("controllers", text_hash, {row.controller for row in rows}),
        ("ips", text_hash, {row.ip for row in rows}),
        ("user_agents", text_hash, {row.user_agent for row in rows}),
        ("users", number, {row.user for row in rows}),
        ("masquerade_targets", number, {row.user for row in rows if row.masqueraded}),
        ("developer_keys", number, {row.developer_key for row in rows}),
    )
    for name, hashed, found in fields:
        members = sorted((hashed(value), value) for value in found - {None})
        kept = members[:CAP]
        capped = len(members) > CAP
        record[name] = [signed(h) if name == "user_agents" else value for h, value in kept]
        record[f"{name}_capped"] = capped
        record[f"{name}_distinct"] = len(members)
        if capped:
            estimate = round((CAP - 1) / ((float(kept[-1][0]) + 1.0) / 2.0**64))
            record[f"{name}_distinct"] = max(CAP + 1, estimate)
    return record
