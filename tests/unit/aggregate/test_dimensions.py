"""Dimensions that few rows are in: what counts, what does not, and the same row by row."""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.aggregate.deltas import RequestDeltas
from pipeline.aggregate.dimensions import DIMENSIONS, NAMES, Narrow
from pipeline.aggregate.stats import RequestStats
from pipeline.domain.feeds import Feed
from tests.support.rows import batch

ADMIN = {"authentication_providers", "developer_keys", "role_overrides", "sis_imports_api"}
KIND = {
    "submissions_api#update": "grade",
    "submissions#create": "submission",
    "quizzes/quiz_submissions#create": "submission",
    "conversations#create": "conversation",
    "developer_keys#create": "admin",
    "tokens#create": "admin",
}
SENSITIVE = {"submissions_api#update", "conversations#create", "tokens#create", "profile#update"}
COURSE_REQUESTS = {
    "courses#destroy": "deleted",
    "courses#reset_content": "reset",
    "courses#batch_update": "many",
}
ACTIONS = [
    *(None, "courses#show", "files#show", "external_tools#show", "lti_api#grade_passback"),
    *(
        "login/canvas#create",
        "login/saml#create",
        "quizzes/quiz_submissions#create",
        "calendar_events_api#public_feed",
    ),
    *("authentication_providers#create", "role_overrides#update", "sis_imports_api#show"),
    *{*KIND, *SENSITIVE, *COURSE_REQUESTS},
]
PATHS = [
    *("/courses/1/files/7/download", "/courses/1/files/7", "/files/9/download", "/"),
    *("/courses/1/external_tools/12", "/api/lti/v1/tools/34~5/grade_passback", "/x/tools/"),
    "/feeds/calendars/user_REDACTED.ics",
]
QUIZ = "/courses/1/quizzes/8/submissions"
PATHS.append(QUIZ)
FACTS = {
    "course_deleted": "deleted",
    "course_concluded": "concluded",
    "course_unpublished": "unpublished",
}
MINUTE = 60_000_000
T = 1_700_000_040_000_000 // MINUTE * MINUTE

ids = st.sampled_from([None, 1, 2, 3])
shared = {
    "time": st.integers(T, T + 2 * MINUTE),
    "actor": ids,
    "user": ids,
    "course": ids,
    "masqueraded": st.booleans(),
    "write": st.booleans(),
    "ip": st.sampled_from([None, "192.0.2.1", "192.0.3.2", "2001:db8::1"]),
    "user_agent": st.sampled_from([None, "curl/8.5.0 with a name longer than a view"]),
    "session_id": st.sampled_from([None, "a" * 32, "b" * 32]),
    "request_id": st.sampled_from([None, "c" * 36]),
    "developer_key": ids,
}
request = st.fixed_dictionaries(
    {
        **shared,
        "page": st.sampled_from(ACTIONS),
        "path": st.sampled_from(PATHS),
        "status": st.sampled_from([200, 302, 400, 401, 403, 429, 500]),
        "failed_login": st.booleans(),
        "program": st.booleans(),
    }
)
event = st.fixed_dictionaries(
    {
        **shared,
        "status": st.just(0),
        "login": st.sampled_from([0, 1, 2]),
        "as_admin": st.booleans(),
        "fact": st.sampled_from(
            [None, "graded", "raised", "admin_added", "user_deleted", "enrollment_deleted", *FACTS]
        ),
        "doer": ids,
        "subject": ids,
        "origin": st.sampled_from(["sis", "job", "request"]),
    }
)

Entry = tuple[str, str | None, Any]
"""Dimension, key (None: the row is not in it), member (None: it has none)."""


def network(ip: str | None) -> str | None:
    if ip is None:
        return None
    bits = 24 if ipaddress.ip_address(ip).version == 4 else 48
    return str(ipaddress.ip_network((ip, bits), strict=False))


def pair(left: Any, right: Any) -> str | None:
    return None if left is None or right is None else f"{left}#{right}"


def of_request(r: dict[str, Any]) -> Iterator[Entry]:
    """Give what the rules of the dimensions make of a web_logs row."""
    page = r["page"] or ""
    seen = Seen(
        page, page.partition("#")[0], network(r["ip"]), pair(r["developer_key"], r["actor"])
    )
    for rule in (refused, used, acted_as_others, administered, logged_in, taken_out, changed):
        yield from rule(r, seen)


class Seen(NamedTuple):
    """What several rules look at."""

    page: str
    controller: str
    network: str | None
    token: str | None

    @property
    def admin(self) -> bool:
        return self.controller in ADMIN


def refused(r: dict[str, Any], seen: Seen) -> Iterator[Entry]:
    if r["status"] in (403, 429):
        yield "throttled", r["developer_key"], seen.network
    if r["status"] == 401:
        yield "unauthorised", "", seen.controller or "unspecified"
        yield "unauthorised_key", r["developer_key"], seen.network


def used(r: dict[str, Any], seen: Seen) -> Iterator[Entry]:
    if seen.page in ("external_tools#show", "lti_api#grade_passback"):
        ids_of_paths = {PATHS[4]: "12", PATHS[5]: "34~5"}
        yield "tool", ids_of_paths.get(r["path"]), None
    if seen.page == "quizzes/quiz_submissions#create" and r["write"]:
        yield "quiz", "8" if r["path"] == QUIZ else None, seen.network
    if r["program"]:
        yield "token", seen.token, seen.network
        yield "token_agent", seen.token, r["user_agent"]
        yield "token_course", seen.token, r["course"]
    if seen.admin and r["developer_key"] is not None:
        yield "token_admin", seen.token, seen.network


def acted_as_others(r: dict[str, Any], seen: Seen) -> Iterator[Entry]:
    if not r["masqueraded"]:
        return
    yield "masquerader", r["actor"], r["user"]
    if r["write"]:
        kind = "admin" if seen.admin else KIND.get(seen.page, "other")
        yield "masqueraded_write", pair(kind, r["actor"]), r["user"]
    if seen.admin:
        yield "masqueraded_admin", r["actor"], r["user"]


def administered(r: dict[str, Any], seen: Seen) -> Iterator[Entry]:
    if r["write"] and (seen.admin or seen.controller == "tokens"):
        yield "admin_change", seen.page, r["actor"]
        yield "admin_actor", r["actor"], seen.network


def logged_in(r: dict[str, Any], seen: Seen) -> Iterator[Entry]:
    if r["failed_login"]:
        yield "failed_login_ip", r["ip"], None
        yield "failed_login", "", seen.network
    if seen.page.startswith("login/"):
        yield "login_ip", r["ip"], r["user"] if r["status"] < 400 else None


def taken_out(r: dict[str, Any], seen: Seen) -> Iterator[Entry]:
    download = seen.controller == "files" and r["path"].endswith("/download")
    feed = seen.page == "calendar_events_api#public_feed"
    if download:
        yield "download_actor", r["ip"] if r["actor"] is None else r["actor"], r["course"]
    if feed or (download and r["actor"] is None):
        yield "shared_link", r["path"], seen.network


def changed(r: dict[str, Any], seen: Seen) -> Iterator[Entry]:
    done = r["write"] and not r["masqueraded"] and r["status"] < 400
    if done and (seen.admin or seen.page in SENSITIVE):
        yield "session_network", r["session_id"], seen.network
        yield "session_agent", r["session_id"], r["user_agent"]
    if r["write"] and seen.page == "submissions_api#update":
        yield "grade_write", r["actor"], r["course"]
    if r["write"] and seen.page in COURSE_REQUESTS:
        who = "none" if r["actor"] is None else r["actor"]
        yield "course_change", f"{COURSE_REQUESTS[seen.page]}#{who}", r["course"]


def of_event(r: dict[str, Any]) -> Iterator[Entry]:
    """Give what the rules of the dimensions make of a Live Event."""
    fact, doer = r["fact"], r["doer"]
    if r["request_id"] is None:
        yield "job_event", "", None
    if r["masqueraded"]:
        yield "masquerader", r["actor"], r["user"]
        if r["as_admin"]:
            yield "masqueraded_admin", r["actor"], r["user"]
    if r["login"] == 1:
        yield "login_ip", r["ip"], r["user"]
        yield "login_account", r["user"], network(r["ip"])
    if fact in ("graded", "raised"):
        yield "grader", doer, r["subject"]
        yield "graded_course", r["course"], doer
    if fact == "raised":
        yield "grader_up", doer, r["subject"]
    if fact == "admin_added":
        yield "admin_change", "user_account_association_created#admin", doer
    if fact in FACTS:
        yield "course_change", f"{FACTS[fact]}#{'none' if doer is None else doer}", r["subject"]
    if fact is not None and fact.endswith("_deleted"):
        yield "mass_change", f"{fact}#{r['origin']}", r["subject"]


def as_row(r: dict[str, Any]) -> dict[str, Any]:
    """Return the row of an event batch."""
    page = r.get("page") or None
    controller, action = page.split("#") if page else (None, None)
    return {k: v for k, v in r.items() if k != "page"} | {
        "controller": controller,
        "action": action,
    }


def counted(feed: Feed, rows: list[dict[str, Any]], cuts: list[int]) -> pl.DataFrame:
    """Return the statistics of rows that come in chunks."""
    stats, deltas = RequestStats(max_keys=None), RequestDeltas()
    bounds = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    for start, end in pairwise(bounds):
        deltas.add(feed, batch([as_row(row) for row in rows[start:end]], feed))
        if end % 2:
            stats.add(deltas.take(0, 1))
    if deltas.pending():
        stats.add(deltas.take(0, 1))
    return stats.take(1).stats


def names(feed: Feed) -> list[str]:
    return [one.name for one in DIMENSIONS if isinstance(one, Narrow) and feed in one.feeds]


def check(feed: Feed, rows: list[dict[str, Any]], cuts: list[int]) -> None:
    read = of_request if feed == "web_logs" else of_event
    wanted: Counter[tuple[int, str, str]] = Counter()
    members: dict[tuple[int, str, str], set[str]] = {}
    for row in rows:
        for dimension, key, member in read(row):
            if key is not None:
                identity = row["time"] // MINUTE * MINUTE, dimension, str(key)
                wanted[identity] += 1
                members.setdefault(identity, set())
                members[identity] |= set() if member is None else {str(member)}
    stats = counted(feed, rows, cuts).filter(pl.col("dimension").is_in(names(feed)))
    found = {
        (s["minute"], s["dimension"], s["key"]): (s["rows"], set(s["members"]))
        for s in stats.iter_rows(named=True)
    }
    assert found == {identity: (wanted[identity], members[identity]) for identity in wanted}
    assert stats["durations"].list.len().sum() == 0


cuts = st.lists(st.integers(0, 40), max_size=4)


@given(st.lists(request, min_size=1, max_size=40), cuts)
def test_dimensions_of_requests_equal_a_look_at_each_row(
    rows: list[dict[str, Any]], cuts: list[int]
) -> None:
    check("web_logs", rows, cuts)


@given(st.lists(event, min_size=1, max_size=40), cuts)
def test_dimensions_of_events_equal_a_look_at_each_row(
    rows: list[dict[str, Any]], cuts: list[int]
) -> None:
    check("live_events", rows, cuts)


def one(feed: Feed, **row: Any) -> set[tuple[str, str]]:
    """Return the narrow dimensions and keys of a single row."""
    stats = counted(feed, [{"time": T, "status": 200, **row}], [])
    ours = stats.filter(pl.col("dimension").is_in(names(feed)))
    return set(ours.select("dimension", "key").iter_rows())


COUNTED: dict[str, tuple[Feed, dict[str, Any], dict[str, Any], str]] = {
    "throttled": ("web_logs", {"status": 429, "developer_key": 7}, {"status": 200}, "7"),
    "unauthorised": ("web_logs", {"status": 401}, {"status": 403}, ""),
    "unauthorised_key": ("web_logs", {"status": 401, "developer_key": 7}, {"status": 404}, "7"),
    "tool": (
        "web_logs",
        {"page": "external_tools#show", "path": "/courses/1/external_tools/12"},
        {"page": "external_tools#index"},
        "12",
    ),
    "quiz": (
        "web_logs",
        {"page": "quizzes/quizzes#show", "path": "/courses/1/quizzes/5/take", "write": True},
        {"write": False},
        "5",
    ),
    "token": ("web_logs", {"program": True, "developer_key": 7, "actor": 1}, {"program": 0}, "7#1"),
    "token_agent": (
        "web_logs",
        {"program": True, "developer_key": 7, "actor": 1},
        {"actor": None},
        "7#1",
    ),
    "token_course": (
        "web_logs",
        {"program": True, "developer_key": 7, "actor": 1},
        {"program": 0},
        "7#1",
    ),
    "token_admin": (
        "web_logs",
        {"page": "accounts#courses_api", "developer_key": 7, "actor": 1},
        {"developer_key": None},
        "7#1",
    ),
    "masquerader": ("live_events", {"masqueraded": True, "actor": 1}, {"masqueraded": False}, "1"),
    "masqueraded_write": (
        "web_logs",
        {"masqueraded": True, "actor": 1, "write": True, "page": "gradebooks#update_submission"},
        {"write": False},
        "grade#1",
    ),
    "masqueraded_admin": (
        "web_logs",
        {"masqueraded": True, "actor": 1, "page": "accounts#settings"},
        {"page": "courses#show"},
        "1",
    ),
    "admin_change": (
        "web_logs",
        {"write": True, "page": "brand_configs#create"},
        {"page": "courses#create"},
        "brand_configs#create",
    ),
    "admin_actor": (
        "web_logs",
        {"write": True, "page": "external_tools#create", "actor": 1},
        {"page": "external_tools#show"},
        "1",
    ),
    "failed_login": ("web_logs", {"failed_login": True}, {"failed_login": False}, ""),
    "failed_login_ip": ("web_logs", {"failed_login": True, "ip": "::1"}, {"ip": None}, "::1"),
    "login_ip": (
        "web_logs",
        {"page": "login/saml#create", "ip": "::1"},
        {"page": "login#new"},
        "::1",
    ),
    "login_account": ("live_events", {"login": 1, "user": 4}, {"login": 2}, "4"),
    "download_actor": (
        "web_logs",
        {"page": "files#show", "path": "/files/9/download", "actor": 1},
        {"path": "/files/9"},
        "1",
    ),
    "shared_link": (
        "web_logs",
        {"page": "files#show", "path": "/files/9/download"},
        {"actor": 1},
        "/files/9/download",
    ),
    "session_network": (
        "web_logs",
        {"page": "tokens#create", "write": True, "session_id": "a" * 32},
        {"status": 403},
        "a" * 32,
    ),
    "session_agent": (
        "web_logs",
        {"page": "profile#update", "write": True, "session_id": "a" * 32},
        {"masqueraded": True},
        "a" * 32,
    ),
    "grade_write": (
        "web_logs",
        {"page": "submissions_api#bulk_update", "write": True, "actor": 1},
        {"page": "submissions_api#show"},
        "1",
    ),
    "grader": ("live_events", {"fact": "graded", "doer": 1}, {"doer": None}, "1"),
    "grader_up": ("live_events", {"fact": "raised", "doer": 1}, {"fact": "graded"}, "1"),
    "graded_course": ("live_events", {"fact": "graded", "course": 3}, {"course": None}, "3"),
    "course_change": (
        "live_events",
        {"fact": "course_concluded"},
        {"fact": None},
        "concluded#none",
    ),
    "mass_change": (
        "live_events",
        {"fact": "user_deleted", "origin": "sis"},
        {"fact": "graded"},
        "user_deleted#sis",
    ),
    "job_event": ("live_events", {"request_id": None}, {"request_id": "a" * 36}, ""),
}
"""A row that is in the dimension, what takes it out again, and its key."""


@pytest.mark.parametrize("name", sorted(COUNTED))
def test_a_row_is_in_a_dimension_or_not(name: str) -> None:
    feed, inside, change, key = COUNTED[name]
    assert (name, key) in one(feed, **inside)
    assert not any(each == name for each, _ in one(feed, **{**inside, **change}))


def test_every_narrow_dimension_has_a_row_that_counts() -> None:
    assert {name for name in NAMES if name in {*names("web_logs"), *names("live_events")}} == set(
        COUNTED
    )


def test_every_dimension_is_described() -> None:
    text = (Path(__file__).parents[3] / "docs" / "signals.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == NAMES
