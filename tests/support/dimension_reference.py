"""Narrow dimensions told row by row in plain Python, and the rows to tell them of."""

import ipaddress
from collections.abc import Iterator
from typing import Any, NamedTuple

from hypothesis import strategies as st

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
FACTS = {
    "course_deleted": "deleted",
    "course_concluded": "concluded",
    "course_unpublished": "unpublished",
}
AUDITED = {
    **{f"course_{kind}": kind for kind in ("updated", "made_public", "dates_moved", "unconcluded")},
    **FACTS,
    "course_reset_to": "reset_to",
}
"""What audit events say, and how ``audit_change`` calls it."""
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
            [
                *(None, "graded", "raised", "admin_added", "user_deleted", "enrollment_deleted"),
                *(*FACTS, "course_available"),
            ]
        ),
        "doer": ids,
        "subject": ids,
        "origin": st.sampled_from(["sis", "job", "request"]),
    }
)
audit = st.fixed_dictionaries(
    {
        **{name: shared[name] for name in ("time", "actor", "course", "session_id", "request_id")},
        "status": st.just(0),
        "fact": st.sampled_from([None, *AUDITED]),
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


def used(r: dict[str, Any], seen: Seen) -> Iterator[Entry]:
    if seen.page in ("external_tools#show", "lti_api#grade_passback"):
        ids_of_paths = {PATHS[4]: "12", PATHS[5]: "34~5"}
        yield "tool", ids_of_paths.get(r["path"]), None
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
        if not r["program"]:
            yield "admin_by_hand", r["actor"], seen.network


def logged_in(r: dict[str, Any], seen: Seen) -> Iterator[Entry]:
    if r["failed_login"]:
        yield "failed_login_ip", r["ip"], None
        yield "failed_login", "", seen.network
    if seen.page.startswith("login/"):
        yield "login_ip", r["ip"], r["user"] if r["status"] < 400 else None
        if r["status"] < 400:
            yield "login_account", r["user"], seen.network


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
    if r["write"] and seen.page in COURSE_REQUESTS:
        who = "none" if r["actor"] is None else r["actor"]
        yield "course_change", f"{COURSE_REQUESTS[seen.page]}#{who}", r["course"]
        if r["status"] < 400 and COURSE_REQUESTS[seen.page] in ("deleted", "reset"):
            yield f"course_{COURSE_REQUESTS[seen.page]}_by", r["actor"], r["course"]


def of_event(r: dict[str, Any]) -> Iterator[Entry]:
    """Give what the rules of the dimensions make of a Live Event."""
    fact, doer = r["fact"], r["doer"]
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
    yield from of_state(r)
    if fact in FACTS:
        yield "course_change", f"{FACTS[fact]}#{'none' if doer is None else doer}", r["subject"]
    if fact is not None and fact.endswith("_deleted"):
        yield "mass_change", f"{fact}#{r['origin']}", r["subject"]


def of_state(r: dict[str, Any]) -> Iterator[Entry]:
    """Give what is said of a course's going on, in both feeds."""
    if r["fact"] == "course_concluded":
        yield "course_concluded", r["subject"], None
    if r["fact"] in {"course_available", "course_unconcluded", "course_unpublished"}:
        yield "course_open", r["subject"], None


def of_audit(r: dict[str, Any]) -> Iterator[Entry]:
    """Give what the rules of the dimensions make of an event of the Course Audit log."""
    fact, who = r["fact"], "none" if r["doer"] is None else r["doer"]
    if fact is None:
        return
    yield from of_state(r)
    yield "audit_change", f"{AUDITED[fact]}#{who}", r["subject"]
    changed = {**FACTS, "course_reset_to": "reset"}
    if fact in changed:
        yield "course_change", f"{changed[fact]}#{who}", r["subject"]
    if fact in ("course_deleted", "course_reset_to"):
        yield f"course_{changed[fact]}_by", r["doer"], r["subject"]
    if fact == "course_deleted":
        yield "mass_change", f"{fact}#{r['origin']}", r["subject"]
