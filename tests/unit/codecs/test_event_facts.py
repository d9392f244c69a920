"""What bodies of Live Events say: of which types, by whom, about whom, in both formats."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.event_facts import FACT_SCHEMA, fact_columns

SHARD = 10_000_000_000_000
ROOT = 2107 * SHARD + 1
TYPES = {
    "event_name": pl.String,
    "body": pl.String,
    "user_id": pl.Int64,
    "real_user_id": pl.Int64,
    "course_id": pl.Int64,
    "root_account_id": pl.Int64,
    "job_tag": pl.String,
}


def facts(*events: dict[str, Any]) -> list[dict[str, Any]]:
    rows = [{"root_account_id": ROOT, **event} for event in events]
    return pl.DataFrame(fact_columns(pl.DataFrame(rows, schema=TYPES))).to_dicts()


def fact(name: str, body: dict[str, Any], **columns: Any) -> tuple[Any, ...]:
    text = json.dumps(body, separators=(",", ":"), sort_keys=True)
    (found,) = facts({"event_name": name, "body": text, **columns})
    return tuple(found[column] for column in FACT_SCHEMA)


def caliper(**extension: Any) -> dict[str, Any]:
    thing = {
        "id": f"urn:instructure:canvas:course:{2107 * SHARD + 56}",
        "assignee": {"id": f"urn:instructure:canvas:user:{2107 * SHARD + 48}"},
        "extensions": {"com.instructure.canvas": extension},
    }
    return {"eventTime": "2026-01-01T00:00:00.000Z", "object": thing}


NOTHING = (None, None, None, None)


def test_a_grade_is_of_its_grader_about_its_student_and_raised_if_an_old_score_was_lower() -> None:
    body = {"grader_id": str(2107 * SHARD + 9), "student_id": "48", "score": 5, "old_score": 4}
    assert fact("grade_change", body) == ("raised", 9, 48, "request")
    for old in (5, 6, None):
        assert fact("grade_change", {**body, "old_score": old})[0] == "graded"
    assert fact("grade_change", body, user_id=3, real_user_id=7)[1] == 7


def test_a_grade_that_a_quiz_gave_is_of_nobody() -> None:
    body = {"grader_id": "-12", "student_id": "48", "score": 5, "old_score": None}
    assert fact("grade_change", body, user_id=48) == ("graded", None, 48, "request")


def test_an_override_is_of_whoever_made_it() -> None:
    body = {"user_id": "45", "override_score": 90, "old_override_score": 85}
    assert fact("grade_override", body, user_id=3) == ("raised", 3, 45, "request")


def test_grades_of_caliper_are_known_without_an_old_score() -> None:
    assert fact("grade_change", caliper(grade="5"), user_id=3) == ("graded", 3, 48, "request")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("deleted", "course_deleted"),
        ("completed", "course_concluded"),
        ("claimed", "course_unpublished"),
        ("available", "course_available"),
        ("created", None),
    ],
)
def test_a_course_says_its_state(state: str, said: str | None) -> None:
    body = {"course_id": str(2107 * SHARD + 56), "workflow_state": state}
    wanted = (said, 3, 56, "request") if said else NOTHING
    assert fact("course_updated", body, user_id=3) == wanted
    assert fact("course_updated", caliper(workflow_state=state), user_id=3) == wanted


def test_a_delete_says_what_did_it_and_a_course_of_the_context_stands_in() -> None:
    body = {"workflow_state": "deleted", "course_id": "5", "user_id": "8"}
    sis = {"job_tag": "SIS::CSV::ImportRefactored#run_parallel_importer"}
    assert fact("enrollment_updated", body, **sis) == ("enrollment_deleted", None, 5, "sis")
    assert fact("user_updated", body, job_tag="X#run") == ("user_deleted", None, 8, "job")
    assert fact("course_section_updated", {"workflow_state": "deleted"}, course_id=6)[2] == 6


def test_an_administrator_is_added_only_if_the_event_says_so() -> None:
    body = {"is_admin": True, "user_id": "8"}
    name = "user_account_association_created"
    assert fact(name, body, user_id=3) == ("admin_added", 3, 8, "request")
    assert fact(name, {**body, "is_admin": False}) == NOTHING


def test_a_word_in_a_title_is_no_state() -> None:
    body = {"name": "deleted", "other": '"workflow_state":"deleted"', "workflow_state": "created"}
    assert fact("course_updated", body) == NOTHING


@pytest.mark.parametrize("body", ["", "[]", "{", "null", '{"deleted": "deleted"}', "[" * 10_000])
def test_a_body_that_cannot_be_read_says_nothing(body: str) -> None:
    for name in ("grade_override", "course_updated", "user_updated"):
        (found,) = facts({"event_name": name, "body": body})
        assert found["fact"] in (None, "graded")


@given(st.lists(st.sampled_from(["asset_accessed", "grade_change", "user_created"]), max_size=9))
def test_facts_stand_at_the_rows_that_say_them(names: list[str]) -> None:
    body = json.dumps({"grader_id": "9", "student_id": "4"})
    found = facts(*({"event_name": name, "body": body} for name in names)) if names else []
    assert [each["fact"] for each in found] == [
        "graded" if name == "grade_change" else None for name in names
    ]
