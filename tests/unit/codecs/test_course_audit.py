"""Pages of the audit log become rows or bad records, nothing else, whatever they hold."""

import copy
import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.canonical import SHARD
from pipeline.codecs.course_audit import (
    AuditPage,
    NotAuditPage,
    PageOrigin,
    read_audit_page,
    with_audit_agent_columns,
)
from pipeline.codecs.json_text import canonical_json
from pipeline.codecs.redaction import redact_json
from pipeline.domain.event_time import HOUR
from tests.support.audit_laws import check_audit_page
from tests.support.avro_schemas import raw_schemas

NOW = 1_771_200_000_000_000
VIEW, SESSION = "1dd9dc6f-2fb0-4c19-a6c5-7ee1bf3ed295", "ef686f8ed684abf78cbfa1f6a58112b5"
EVENT: dict[str, Any] = {
    "id": "e2b76430-27a5-0131-3ca1-48e0eb13f29b",
    "created_at": "2026-02-15T08:12:44-07:00",
    "event_type": "updated",
    "event_source": "manual",
    "event_data": {"is_public": [False, True], "name": ["Course 1", "Course 2"]},
    "links": {"course": 565, "page_view": VIEW, "user": 12, "sis_batch": None},
}
LINKED = {"page_views": [{"id": VIEW.upper(), "session_id": str(uuid.UUID(SESSION))}], "users": []}

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def read(*events: Any, linked: Any = None, **more: Any) -> AuditPage:
    page = {"links": {}, "events": list(events), "linked": linked if linked is not None else LINKED}
    return read_audit_page(json.dumps(page).encode(), PageOrigin("accounts/1", NOW, **more))


def changed(**fields: Any) -> dict[str, Any]:
    event = copy.deepcopy(EVENT)
    links = fields.pop("links", {})
    return {**event, **fields, "links": {**event["links"], **links}}


def test_an_event_becomes_a_row_with_the_session_of_its_page_view() -> None:
    page = read(EVENT)
    assert page.bad == []
    assert page.rows.to_dicts() == [
        {
            "id": EVENT["id"],
            "created_at": 1_771_168_364_000_000,
            "event_type": "updated",
            "event_source": "manual",
            "event_data": '{"is_public":[false,true],"name":["Course 1","Course 2"]}',
            "course_id": 565,
            "related_course_id": None,
            "related_course_link": None,
            "user_id": 12,
            "sis_batch_id": None,
            "page_view_id": VIEW,
            "session_id": SESSION,
            "extra": None,
            "truncated": False,
        }
    ]


def test_both_spellings_of_ids_are_the_same_row() -> None:
    links = {"course": "565", "user": "12", "sis_batch": ""}
    assert read(changed(links=links)).rows.equals(read(EVENT).rows)


def test_an_event_data_text_is_read_as_the_object_it_holds() -> None:
    assert read(changed(event_data="{}")).rows["event_data"].to_list() == ["{}"]
    text = json.dumps(EVENT["event_data"])
    assert read(changed(event_data=text)).rows.equals(read(EVENT).rows)


@pytest.mark.parametrize("link", ["copied_from", "copied_to", "reset_from", "reset_to"])
def test_the_other_course_of_a_copy_or_reset_is_kept_with_its_link(link: str) -> None:
    (row,) = read(changed(event_type=link, event_data={}, links={link: 566})).rows.to_dicts()
    assert (row["related_course_id"], row["related_course_link"]) == (566, link)
    assert row["extra"] is None


def test_rule_2_ids_of_the_home_shard_become_local_and_foreign_ones_stay() -> None:
    links = {"course": 7 * SHARD + 565, "user": 8 * SHARD + 12}
    (row,) = read(changed(links=links), home_shard=7).rows.to_dicts()
    assert (row["course_id"], row["user_id"]) == (565, 8 * SHARD + 12)


def test_an_event_of_no_request_or_of_one_that_was_not_sent_along_has_no_session() -> None:
    rows = read(
        changed(links={"page_view": None}), changed(links={"page_view": "MISSING"}), EVENT
    ).rows
    assert rows["page_view_id"].to_list() == [None, None, VIEW]
    assert rows["session_id"].to_list() == [None, None, SESSION]
    assert read(EVENT, linked={}).rows["session_id"].to_list() == [None]


def test_what_has_no_column_is_kept_in_extra() -> None:
    event = changed(new_field={"a": 1}, links={"blueprint": 9})
    (row,) = read(event).rows.to_dicts()
    assert json.loads(row["extra"]) == {"new_field": {"a": 1}, "links.blueprint": 9}


def test_secrets_are_masked_in_rows() -> None:
    secret = "https://x/y?access_token=s3cr3tvalue"
    data = {"syllabus_body": ["", secret], "integration_secret": ["", "s3cr3tvalue"]}
    rows = read(changed(event_data=data, note=secret)).rows
    assert "s3cr3tvalue" not in rows.write_json()


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("text", "shape"),
        (changed(id="no uuid"), "value"),
        (changed(created_at="yesterday"), "value"),
        (changed(event_type=" "), "value"),
        (changed(event_data=[1]), "value"),
        (changed(links={"course": None}), "value"),
        (changed(links={"user": "twelve"}), "value"),
        ({name: EVENT[name] for name in EVENT if name != "links"}, "shape"),
        (changed(created_at="1999-12-31T23:59:59Z"), "time"),
        (changed(created_at="2026-02-16T01:00:01Z"), "time"),
    ],
)
def test_a_bad_event_says_why_and_costs_its_neighbours_nothing(event: Any, reason: str) -> None:
    page = read(EVENT, event, changed(id=str(uuid.UUID(int=5))))
    assert page.rows.height == 2
    (bad,) = page.bad
    assert (bad.position, bad.record.reason) == (1, reason)
    again = read_audit_page(bad.record.payload, PageOrigin("accounts/1", NOW))
    assert [one.identity for one in again.bad] == [bad.identity]


def test_rule_19_is_judged_by_the_time_of_reading() -> None:
    early = changed(created_at="2026-02-16T01:00:01Z")
    assert read(early).rows.height == 0
    page = {"events": [early]}
    later = PageOrigin("accounts/1", NOW + HOUR)
    assert read_audit_page(json.dumps(page).encode(), later).rows.height == 1


@pytest.mark.parametrize("payload", [b"", b"<html>", b"[]", b'{"events": {}}', b"\xff", b"null"])
def test_what_is_no_page_is_refused(payload: bytes) -> None:
    with pytest.raises(NotAuditPage):
        read_audit_page(payload, PageOrigin("accounts/1", NOW))


@given(
    st.lists(
        JSON
        | st.builds(
            lambda key, value: changed(**{key: value}),
            st.sampled_from(sorted(EVENT)).filter(lambda k: k != "links"),
            JSON,
        ),
        max_size=5,
    ),
    JSON,
)
def test_every_event_of_any_page_is_a_row_or_a_bad_record(events: list[Any], linked: Any) -> None:
    check_audit_page(json.dumps({"events": events, "linked": linked}).encode())


@given(st.permutations(range(4)))
def test_the_oldest_time_is_known_only_if_a_page_goes_back_in_time(order: list[int]) -> None:
    times = [f"2026-02-15T08:12:{40 - second:02d}Z" for second in order]
    page = read(*(changed(created_at=time) for time in times))
    descends = order == sorted(order)
    assert (page.oldest is not None) == descends
    if descends:
        assert page.oldest == page.rows["created_at"].min()


@given(JSON.filter(lambda value: isinstance(value, dict)))
def test_changes_are_kept_as_they_came(data: dict[str, Any]) -> None:
    page = read(changed(event_data=data))
    if page.bad:
        assert page.bad[0].record.reason == "value"
        return
    assert page.rows["event_data"].to_list() == [canonical_json(redact_json(data))]


def test_rows_have_every_column_of_the_schema() -> None:
    rows = with_audit_agent_columns(
        read(EVENT).rows, source="x", account_id=1, root_account_id=1, ingested_at=NOW
    )
    assert set(rows.columns) == {field["name"] for field in raw_schemas()["course_audit"]["fields"]}
