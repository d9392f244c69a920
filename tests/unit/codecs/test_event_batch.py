"""Event batches: rules 1, 3, 6 and 10, and one shape for both feeds."""

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.event_batch import (
    LIVE_EVENT_SCHEMA,
    WEB_LOG_SCHEMA,
    event_batch,
    event_columns,
)
from pipeline.codecs.flat_schema import dtypes
from tests.support.memory_kafka import SCHEMAS

HEX = "ef686f8ed684abf78cbfa1f6a58112b5"


def web_log(**fields: Any) -> dict[str, Any]:
    """Return the one event of a web_logs row."""
    row = {
        "id": "1dd9dc6f-2fb0-4c19-a6c5-7ee1bf3ed295",
        "timestamp": 5,
        "url": "/courses/1/modules?page=2",
        "http_method": "GET",
        "http_status": 200,
        "remote_ip": "192.0.2.1",
        "interaction_micros": 10,
        "participated": False,
        "session_id": HEX,
        **fields,
    }
    return _one("web_logs", "web_log", row)


def live_event(**fields: Any) -> dict[str, Any]:
    """Return the one event of a Live Event."""
    row = {
        "event_key": "a" * 32,
        "event_name": "asset_accessed",
        "event_time": 5,
        "session_id": HEX,
        "body": "{}",
        **fields,
    }
    return _one("live_events", "live_event", row)


def _one(feed: Any, schema: str, row: dict[str, Any]) -> dict[str, Any]:
    types = dtypes(SCHEMAS.named(schema))
    columns = {name: types[name] for name in event_columns(feed)}
    decoded = pl.DataFrame([row], schema=columns).with_columns(
        pl.lit(7, pl.Int64).alias("_offset"), pl.lit(0, pl.Int64).alias("_timestamp_ms")
    )
    batch = event_batch(feed, decoded)
    assert batch.schema == (WEB_LOG_SCHEMA if feed == "web_logs" else LIVE_EVENT_SCHEMA)
    return batch.to_dicts()[0]


def test_the_event_key_of_a_request_is_its_uuid_and_the_session_its_128_bits() -> None:
    event = web_log()
    assert (event["key_hi"], event["key_lo"]) == (0x1DD9DC6F2FB04C19, 0xA6C57EE1BF3ED295)
    assert (event["session_hi"], event["session_lo"]) == (0xEF686F8ED684ABF7, 0x8CBFA1F6A58112B5)
    assert live_event()["session_hi"] == event["session_hi"]
    assert event["request_id"] == "1dd9dc6f-2fb0-4c19-a6c5-7ee1bf3ed295"


def test_rule_1_what_is_not_128_bits_is_no_session() -> None:
    for text in (None, "", "x", HEX[:-1]):
        event = web_log(session_id=text)
        assert (event["session_id"], event["session_hi"], event["session_lo"]) == (None, 0, 0)


def test_rule_3_the_actor_is_the_real_user_and_acting_as_oneself_is_no_masquerade() -> None:
    masked = web_log(user_id=1, real_user_id=2)
    assert (masked["actor"], masked["user"], masked["masqueraded"]) == (2, 1, True)
    self_acting = live_event(user_id=1, real_user_id=1)
    assert (self_acting["actor"], self_acting["masqueraded"]) == (1, False)
    assert web_log(user_id=1)["actor"] == 1
    assert web_log()["masqueraded"] is False


def test_rule_6_negative_durations_count_zero() -> None:
    assert web_log(interaction_micros=-5)["duration"] == 0


def test_a_page_is_a_get_below_400_outside_the_api_and_no_ping() -> None:
    assert web_log()["page"]
    assert not web_log(http_method="POST")["page"]
    assert not web_log(http_status=404)["page"]
    assert not web_log(url="/api/v1/courses")["page"]
    assert not web_log(web_application_action="ping")["page"]


def test_a_failed_login_is_a_refused_post_to_login_canvas() -> None:
    login = {
        "http_method": "POST",
        "web_application_controller": "login/canvas",
        "web_application_action": "create",
    }
    assert web_log(http_status=400, **login)["failed_login"]
    assert not web_log(http_status=302, **login)["failed_login"]
    assert not web_log(http_status=400)["failed_login"]


def test_paths_are_without_host_and_query_in_both_feeds() -> None:
    assert web_log()["path"] == "/courses/1/modules"
    assert live_event(url="https://school.example/courses/1?x#y")["path"] == "/courses/1"
    assert live_event(url="/courses/1?x")["path"] == "/courses/1"
    assert live_event()["path"] is None


def test_rule_10_login_and_logout_are_flags() -> None:
    assert live_event(event_name="logged_in")["login"] == 1
    assert live_event(event_name="logged_out")["login"] == 2
    assert live_event()["login"] == 0


def test_writes_are_posts_puts_patches_and_deletes() -> None:
    assert [web_log(http_method=m)["write"] for m in ("GET", "POST", "PUT", "PATCH", "DELETE")] == [
        False,
        True,
        True,
        True,
        True,
    ]
    assert live_event(http_method="POST")["write"]
    assert not live_event()["write"]


def test_a_program_is_a_token_that_neither_a_browser_nor_a_phone_app_uses() -> None:
    people = ["Mozilla/5.0 (X11)", "iCanvas/7.4", "candroid/7.3", "androidTeacher/1", None]
    assert web_log(developer_key_id=7, user_agent="python-requests/2.32.3")["program"]
    assert not web_log(user_agent="python-requests/2.32.3")["program"]
    assert not any(web_log(developer_key_id=7, user_agent=agent)["program"] for agent in people)


def test_who_masquerades_as_an_administrator_of_the_account_is_known_by_the_role() -> None:
    acting = {"user_id": 5, "real_user_id": 6}
    assert live_event(context_role="AccountAdmin", **acting)["as_admin"]
    assert not live_event(context_role="TeacherEnrollment", **acting)["as_admin"]
    assert not live_event(context_role="AccountAdmin", user_id=5)["as_admin"]


_small = st.none() | st.integers(0, 2)
_requests = st.fixed_dictionaries(
    {
        "user_id": _small,
        "real_user_id": _small,
        "developer_key_id": _small,
        "http_method": st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "GETS", "POS"]),
        "http_status": st.sampled_from([0, 200, 399, 400, 401, 499, 500]),
        "url": st.sampled_from(["/", "/api", "/api/v1/x?page=1", "/courses/1?/api/"]),
        "web_application_controller": st.none() | st.sampled_from(["login/canvas", "login/canva"]),
        "web_application_action": st.none() | st.sampled_from(["create", "ping", "pings", ""]),
        "user_agent": st.none() | st.sampled_from(["", "cur", "curl/8", "Mozilla/5.0", "iCanvas"]),
        "interaction_micros": st.sampled_from([-5, 0, 7]),
    }
)


@given(st.lists(_requests, min_size=1, max_size=12))
def test_what_a_request_is_follows_from_its_row_alone(rows: list[dict[str, Any]]) -> None:
    types = dtypes(SCHEMAS.named("web_log"))
    fixed = {
        "id": "1dd9dc6f-2fb0-4c19-a6c5-7ee1bf3ed295",
        "timestamp": 5,
        "remote_ip": "192.0.2.1",
        "participated": False,
        "course_id": None,
        "session_id": None,
    }
    columns = {name: types[name] for name in event_columns("web_logs")}
    decoded = pl.DataFrame([fixed | row for row in rows], schema=columns).with_columns(
        pl.lit(7, pl.Int64).alias("_offset")
    )
    for row, event in zip(rows, event_batch("web_logs", decoded).to_dicts(), strict=True):
        real, user, method = row["real_user_id"], row["user_id"], row["http_method"]
        action, controller = row["web_application_action"], row["web_application_controller"]
        status, api = row["http_status"], row["url"].startswith("/api/")
        agent, tries = row["user_agent"] or "", (controller, action) == ("login/canvas", "create")
        expected = {
            "actor": user if real is None else real,
            "masqueraded": real is not None and user is not None and real != user,
            "write": method in {"POST", "PUT", "PATCH", "DELETE"},
            "page": method == "GET" and status < 400 and not api and action != "ping",
            "failed_login": method == "POST" and tries and 400 <= status <= 499,
            "program": row["developer_key_id"] is not None and agent in {"cur", "curl/8"},
            "duration": max(row["interaction_micros"], 0),
            "path": row["url"].partition("?")[0],
        }
        assert {name: event[name] for name in expected} == expected
