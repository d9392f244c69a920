"""Dimensions that few rows are in: what counts, what does not, and the same row by row."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.aggregate.deltas import RequestDeltas
from pipeline.aggregate.dimensions import DIMENSIONS, NAMES, Narrow
from pipeline.aggregate.dimensions.courses import AUDITED
from pipeline.aggregate.stats import RequestStats
from pipeline.codecs.audit_facts import (
    COURSE_RESET,
    COURSE_UNPUBLISHED,
    DATES_MOVED,
    FACTS,
    MADE_PUBLIC,
    OPENED,
    UPDATED,
)
from pipeline.domain.feeds import Feed
from tests.support.dimension_reference import (
    MINUTE,
    Entry,
    T,
    audit,
    event,
    of_audit,
    of_event,
    of_request,
    request,
)
from tests.support.rows import batch


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


READ: dict[Feed, Callable[[dict[str, Any]], Iterator[Entry]]] = {
    "web_logs": of_request,
    "live_events": of_event,
    "course_audit": of_audit,
}


def check(feed: Feed, rows: list[dict[str, Any]], cuts: list[int]) -> None:
    wanted: Counter[tuple[int, str, str]] = Counter()
    members: dict[tuple[int, str, str], set[str]] = {}
    for row in rows:
        for dimension, key, member in READ[feed](row):
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


@given(st.lists(audit, min_size=1, max_size=40), cuts)
def test_dimensions_of_audit_events_equal_a_look_at_each_row(
    rows: list[dict[str, Any]], cuts: list[int]
) -> None:
    check("course_audit", rows, cuts)


def test_the_kinds_of_audit_changes_are_the_facts_that_audit_events_say() -> None:
    said = {*FACTS.values(), MADE_PUBLIC, OPENED, DATES_MOVED, UPDATED}
    names = {"unpublished": COURSE_UNPUBLISHED, "reset_to": COURSE_RESET}
    assert {names.get(kind, f"course_{kind}") for kind in AUDITED} == said


def one(feed: Feed, **row: Any) -> set[tuple[str, str]]:
    """Return the narrow dimensions and keys of a single row."""
    stats = counted(feed, [{"time": T, "status": 200, **row}], [])
    ours = stats.filter(pl.col("dimension").is_in(names(feed)))
    return set(ours.select("dimension", "key").iter_rows())


COUNTED: dict[str, tuple[Feed, dict[str, Any], dict[str, Any], str]] = {
    "throttled": ("web_logs", {"status": 429, "developer_key": 7}, {"status": 200}, "7"),
    "unauthorised": ("web_logs", {"status": 401}, {"status": 403}, ""),
    "tool": (
        "web_logs",
        {"page": "external_tools#show", "path": "/courses/1/external_tools/12"},
        {"page": "external_tools#index"},
        "12",
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
    "admin_by_hand": (
        "web_logs",
        {"write": True, "page": "external_tools#create", "actor": 1},
        {"program": True},
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
    "login_account": (
        "web_logs",
        {"page": "login/saml#create", "user": 1, "status": 302},
        {"status": 400},
        "1",
    ),
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
    "grader": ("live_events", {"fact": "graded", "doer": 1}, {"doer": None}, "1"),
    "grader_up": ("live_events", {"fact": "raised", "doer": 1}, {"fact": "graded"}, "1"),
    "graded_course": ("live_events", {"fact": "graded", "course": 3}, {"course": None}, "3"),
    "course_change": (
        "live_events",
        {"fact": "course_concluded"},
        {"fact": None},
        "concluded#none",
    ),
    "course_reset_by": (
        "course_audit",
        {"fact": "course_reset_to", "doer": 7},
        {"fact": "course_deleted"},
        "7",
    ),
    "course_deleted_by": (
        "web_logs",
        {"page": "courses#destroy", "write": True, "actor": 7},
        {"status": 403},
        "7",
    ),
    "course_concluded": (
        "course_audit",
        {"fact": "course_concluded", "subject": 56},
        {"fact": "course_unconcluded"},
        "56",
    ),
    "course_open": (
        "live_events",
        {"fact": "course_available", "subject": 56},
        {"subject": None},
        "56",
    ),
    "audit_change": (
        "course_audit",
        {"fact": "course_made_public", "doer": 7},
        {"fact": None},
        "made_public#7",
    ),
    "mass_change": (
        "live_events",
        {"fact": "user_deleted", "origin": "sis"},
        {"fact": "graded"},
        "user_deleted#sis",
    ),
}
"""A row that is in the dimension, what takes it out again, and its key."""


@pytest.mark.parametrize("name", sorted(COUNTED))
def test_a_row_is_in_a_dimension_or_not(name: str) -> None:
    feed, inside, change, key = COUNTED[name]
    assert (name, key) in one(feed, **inside)
    assert not any(each == name for each, _ in one(feed, **{**inside, **change}))


def test_every_narrow_dimension_has_a_row_that_counts() -> None:
    assert {name for feed in READ for name in names(feed)} == set(COUNTED)


def test_every_dimension_is_described() -> None:
    text = (Path(__file__).parents[3] / "docs" / "signals.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == NAMES
