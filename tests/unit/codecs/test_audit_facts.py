"""What audit events say: of which types, by whom, about which course, from where."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.audit_facts import audit_fact_columns
from pipeline.codecs.event_facts import FACT_SCHEMA

TYPES = {
    "event_type": pl.String,
    "event_source": pl.String,
    "event_data": pl.String,
    "course_id": pl.Int64,
    "user_id": pl.Int64,
    "sis_batch_id": pl.Int64,
}


def facts(*events: dict[str, Any]) -> list[tuple[Any, ...]]:
    rows = [{"event_data": "{}", "course_id": 5, "event_source": "manual", **e} for e in events]
    found = pl.DataFrame(audit_fact_columns(pl.DataFrame(rows, schema=TYPES)))
    assert found.schema == FACT_SCHEMA
    return found.rows()


def updated(**changes: Any) -> str:
    ((said, *_),) = facts({"event_type": "updated", "event_data": json.dumps(changes)})
    return str(said)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("deleted", "course_deleted"),
        ("concluded", "course_concluded"),
        ("claimed", "course_unpublished"),
        ("reset_to", "course_reset_to"),
        ("reset_from", "course_reset_from"),
        ("unconcluded", "course_unconcluded"),
        ("copied_from", "course_copied_from"),
        ("of another version", None),
    ],
)
def test_an_audit_event_says_its_type(kind: str, said: str | None) -> None:
    assert facts({"event_type": kind, "user_id": 9}) == [(said, 9, 5, "request")]


def test_a_course_is_made_public_when_is_public_turns_on() -> None:
    for old in (None, False, "false"):
        assert updated(is_public=[old, True]) == "course_made_public"
    assert updated(is_public=[True, False]) == "course_updated"
    assert updated(is_public=[True, True]) == "course_updated"
    assert updated(is_public=[None, "true"], conclude_at=[None, "2026"]) == "course_made_public"


@pytest.mark.parametrize(
    "name", ["public_syllabus", "public_syllabus_to_auth", "is_public_to_auth_users"]
)
def test_a_course_is_opened_when_part_of_it_or_for_all_who_log_in(name: str) -> None:
    assert updated(**{name: [None, True]}) == "course_opened"
    assert updated(**{name: [True, None]}) == "course_updated"


def test_moved_dates_are_told_apart_from_other_updates() -> None:
    assert updated(conclude_at=["2026-01-01", "2025-01-01"]) == "course_dates_moved"
    assert updated(name=["conclude_at", "b"]) == "course_updated"
    assert updated() == "course_updated"


def test_an_import_is_nobodys_and_what_no_user_did_a_job_s() -> None:
    deleted = {"event_type": "deleted"}
    by_import = {**deleted, "event_source": "sis", "user_id": 9}
    assert facts(by_import, {**deleted, "user_id": 9, "sis_batch_id": 3}, deleted) == [
        ("course_deleted", None, 5, "sis"),
        ("course_deleted", None, 5, "sis"),
        ("course_deleted", None, 5, "job"),
    ]


@given(st.text(max_size=30) | st.builds(json.dumps, st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["is_public", "conclude_at", "x"]), inner, max_size=3),
)))  # fmt: skip
def test_whatever_the_data_is_an_update_is_some_update(data: str) -> None:
    ((said, *_),) = facts({"event_type": "updated", "event_data": data})
    assert said in ("course_updated", "course_made_public", "course_dates_moved")
