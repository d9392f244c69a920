"""A sessionize task in plain Python, row by row and from the rules alone.

It decides which rows are late, which are duplicates and how far event time has come; sessions are
then those of ``tests.support.oracle``. Idleness is left out: it needs a clock.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.feeds import KEY_COLUMN, TIME_COLUMN
from tests.support.event_rows import Row
from tests.support.task_rows import course_audit, feed_of, live_event, web_log

YEAR_2000 = 946_684_800_000_000
HOUR = 3_600_000_000
WRITES = {"POST", "PUT", "PATCH", "DELETE"}

Raw = dict[str, Any]


def ids() -> st.SearchStrategy[int | None]:
    return st.sampled_from([None, 1, 2, 10**13 + 3])


@st.composite
def raw_rows(draw: st.DrawFn, times: st.SearchStrategy[int]) -> Raw:
    """Draw a row of any feed as it is published; its number and time say which one it is."""
    time = draw(times)
    shared = {
        "session_id": draw(st.sampled_from([*[f"{5:032x}"] * 4, "f" * 32, None, "no session"])),
        "user_id": draw(ids()),
        "real_user_id": draw(ids()),
        "course_id": draw(ids()),
        "developer_key_id": draw(ids()),
        "http_method": draw(st.sampled_from(["GET", "POST", "PUT", "HEAD"])),
        "user_agent": draw(st.sampled_from([None, "curl", "Mozilla/5.0 ü"])),
        "url": draw(st.sampled_from(["/", "/api/v1/x?y=/z", "/courses/1?a?b"])),
    }
    # A copy has the number of its row, and so its time: keys and times come together.
    number = (time << 8) + draw(st.integers(0, 1))
    address = draw(st.sampled_from(["192.0.2.1", "2001:db8::1"]))
    feed = draw(st.sampled_from(["web_logs", "web_logs", "live_events", "course_audit"]))
    if feed == "course_audit":
        said = {name: shared[name] for name in ("session_id", "user_id")}
        kind = draw(st.sampled_from(["deleted", "updated", "of another version"]))
        return course_audit(number, time, course_id=5, event_type=kind, **said)
    if feed == "live_events":
        name = draw(st.sampled_from(["asset_accessed", "logged_in", "logged_out"]))
        url = f"https://canvas.example.edu{shared['url']}"
        more = {"event_name": name, "client_ip": address, "url": url}
        return live_event((1 << 100) + number, time, **(shared | more))
    return web_log(
        number,
        time,
        remote_ip=address,
        http_status=draw(st.sampled_from([0, 99, 100, 200, 399, 400, 499, 520, 599, 600])),
        interaction_micros=draw(st.integers(-5, 10**6)),
        participated=draw(st.booleans()),
        web_application_controller=draw(st.sampled_from([None, "files"])),
        web_application_action=draw(st.sampled_from([None, "show", "ping"])),
        **shared,
    )


def session_row(raw: Raw, offset: int) -> Row | None:
    """Return what the rules make of a published row; None if it is in no session."""
    if raw["session_id"] in (None, "no session") or feed_of(raw) == "course_audit":
        return None
    web = "timestamp" in raw
    path = raw["url"].partition("?")[0]
    status = raw.get("http_status", 0)
    page = raw["http_method"] == "GET" and status < 400 and not path.startswith("/api/")
    real, user = raw["real_user_id"], raw["user_id"]
    return Row(
        session=int(raw["session_id"], 16),
        time=time_of(raw),
        key=int(key_of(raw), 16),
        feed=feed_of(raw),
        offset=offset,
        status=status,
        duration=max(raw.get("interaction_micros", 0), 0),
        write=raw["http_method"] in WRITES,
        participated=raw.get("participated", False),
        page=page and raw.get("web_application_action") != "ping",
        masqueraded=real is not None and user is not None and real != user,
        actor=user if real is None else real,
        user=user,
        course=raw["course_id"],
        developer_key=raw["developer_key_id"],
        controller=raw.get("web_application_controller"),
        ip=raw["remote_ip"] if web else raw["client_ip"],
        user_agent=raw["user_agent"],
        path=path if web else path.removeprefix("https://canvas.example.edu"),
        login={"logged_in": 1, "logged_out": 2}.get(raw.get("event_name", ""), 0),
    )


def time_of(raw: Raw) -> int:
    return int(raw[TIME_COLUMN[feed_of(raw)]])


def key_of(raw: Raw) -> str:
    return str(raw[KEY_COLUMN[feed_of(raw)]].replace("-", ""))


class TaskReference:
    """Takes chunks and marks as the task does; keeps the rows that count and why others do not."""

    def __init__(self, rules: EventTimeRules, published: int) -> None:
        self._rules = rules
        self._published = published
        self._feeds: dict[str, int] = {}
        self._keys: set[str] = set()
        self.watermark: int | None = None
        self.kept: list[Row] = []
        self.late: Counter[tuple[str, str, str]] = Counter()
        self.counts: Counter[tuple[str, str]] = Counter()
        self.minutes: Counter[tuple[str, int]] = Counter()
        self.copies: Counter[tuple[str, int]] = Counter()
        """Rows that are known, by feed and hour."""
        self.largest: int | None = None

    def chunk(self, raws: Iterable[Raw], first_offset: int) -> None:
        """Take rows of one feed, judged against the watermark before them."""
        before, sane = self.watermark, []
        for offset, raw in enumerate(raws, first_offset):
            if YEAR_2000 <= time_of(raw) <= self._published + HOUR:
                sane.append(raw)
            self._row(raw, offset, before)
        if sane:
            self.largest = max([time_of(raw) for raw in sane] + [self.largest or 0])
            feed, newest = feed_of(sane[0]), max(map(time_of, sane))
            if feed in self._rules.out_of_orderness:
                self.mark(feed, newest - self._rules.out_of_orderness[feed])  # type: ignore[index]

    def mark(self, feed: str, at: int) -> None:
        """Raise a feed's watermark, and the task's to the smallest of all feeds."""
        self._feeds[feed] = max(at, self._feeds.get(feed, at))
        if len(self._feeds) == len(self._rules.feeds):
            smallest = min(self._feeds.values())
            self.watermark = max(smallest, self.watermark or smallest)

    def _row(self, raw: Raw, offset: int, watermark: int | None) -> None:
        feed, time, key = feed_of(raw), time_of(raw), key_of(raw)
        held = self._rules.gap + self._rules.allowed_lateness
        if not YEAR_2000 <= time <= self._published + HOUR:
            where = "late"
            self.late[feed, "time", key] += 1
        elif watermark is not None and time + held < watermark:
            where = "late"
            self.late[feed, "late", key] += 1
        elif key in self._keys:
            where = "duplicates"
            self.copies[feed, time // HOUR * HOUR] += 1
        else:
            self._keys.add(key)
            self.minutes[feed, time // 60_000_000 * 60_000_000] += 1
            row = session_row(raw, offset)
            where = "without_session" if row is None else "in_sessions"
            self.kept += [] if row is None else [row]
        self.counts[feed, where] += 1
