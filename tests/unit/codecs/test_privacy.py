"""People are replaced by pseudonyms that keep what sessions and detectors ask of ids."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.canonical import SHARD
from pipeline.codecs.live_event_rows import RawEvent, read_live_events
from pipeline.codecs.personal_texts import PERSONAL, PersonalTexts
from pipeline.codecs.privacy import Privacy
from pipeline.codecs.privacy_rules import REMOVED, PrivacyRules
from pipeline.codecs.pseudonyms import LARGEST, Pseudonyms
from pipeline.codecs.web_log_rows import Origin, read_web_logs, web_log_key, with_agent_columns
from tests.support.raw_rows import line, row

KEY = b"0123456789abcdef0123456789abcdef"
NOW = 1_771_200_000_000_000
PEOPLE = st.integers(1, 2**63 - 1).filter(lambda number: number % SHARD != 0)
IDS = st.integers(1, 999_999_999)


def privacy(rules: PrivacyRules | None = None, home_shard: int | None = None) -> Privacy:
    return Privacy(rules or PrivacyRules(), KEY, home_shard)


def web_logs(*values: dict[str, Any], home_shard: int | None = None) -> pl.DataFrame:
    lines = [line(row(f"1dd9dc6f-2fb0-4c19-a6c5-{at:012x}", **v)) for at, v in enumerate(values)]
    rows = read_web_logs(lines, 1, Origin("x", NOW, home_shard)).rows
    return with_agent_columns(rows, "x", None, NOW)


def live_event(body: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    document = {
        "metadata": {"event_name": "e", "event_time": "2026-02-15T04:31:07Z", **metadata},
        "body": body,
    }
    rows, bad = read_live_events([RawEvent(json.dumps(document).encode(), "x:1")], NOW)
    assert not bad
    return privacy().applied(rows).row(0, named=True)


@given(PEOPLE, PEOPLE)
def test_pseudonyms_of_people_are_no_canvas_ids_and_differ_as_the_people_do(a: int, b: int) -> None:
    pseudonyms = Pseudonyms(KEY)
    assert -(2**63) < pseudonyms.person(a) <= LARGEST
    assert (pseudonyms.person(a) == pseudonyms.person(b)) == (a == b)
    assert Pseudonyms(KEY[::-1]).person(a) != pseudonyms.person(a)


@given(PEOPLE, st.text(), st.ip_addresses())
def test_a_pseudonym_of_a_pseudonym_is_itself(number: int, text: str, address: object) -> None:
    pseudonyms = Pseudonyms(KEY)
    once = pseudonyms.person(number), pseudonyms.text(text), pseudonyms.address(str(address))
    assert once == (
        pseudonyms.person(once[0]),
        pseudonyms.text(once[1]),
        pseudonyms.address(once[2]),
    )


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        Pseudonyms(b"short")


@given(st.lists(st.tuples(st.none() | IDS, st.none() | IDS), min_size=1, max_size=8))
def test_who_masquerades_as_whom_is_seen_as_before(
    people: list[tuple[int | None, int | None]],
) -> None:
    before = web_logs(*({"user_id": user, "real_user_id": real} for user, real in people))
    after = privacy().applied(before)
    masqueraded = pl.col("real_user_id").is_not_null() & (
        pl.col("real_user_id") != pl.col("user_id")
    )
    assert after.select(masqueraded).equals(before.select(masqueraded))
    actor = pl.coalesce("real_user_id", "user_id")
    known = dict(
        zip(before.select(actor).to_series(), after.select(actor).to_series(), strict=True)
    )
    assert len(set(known.values())) == len(known)
    assert after.schema == before.schema


@given(IDS, IDS)
def test_a_person_is_the_same_in_every_feed_field_and_form(user: int, other: int) -> None:
    shard, privately = 7, privacy(home_shard=7)
    pseudonym = privately.person(user)
    logs = privately.applied(
        web_logs(
            {"user_id": user, "url": f"/users/{user}?as_user_id={user}&x={other}"},
            {"user_id": shard * SHARD + user, "url": f"/users/{shard}~{user}/x"},
            home_shard=shard,
        )
    )
    assert logs["user_id"].to_list() == [pseudonym, pseudonym]
    assert logs["url"].to_list() == [
        f"/users/{pseudonym}?as_user_id={pseudonym}&x={other}",
        f"/users/{pseudonym}/x",
    ]
    event = live_event(
        {"user_id": str(shard * SHARD + user), "user": {"id": user, "name": "Ann"}},
        user_id=str(shard * SHARD + user),
        root_account_id=str(shard * SHARD + 1),
    )
    assert event["user_id"] == pseudonym == privately.person(shard * SHARD + user)
    body = json.loads(event["body"])
    assert (body["user_id"], body["user"]["id"]) == (str(pseudonym), pseudonym)


@given(st.sampled_from(["93.184.216.34", "2001:db8:1:2::3", "::ffff:93.184.216.34", "x"]))
def test_addresses_are_hidden_cut_or_left_out(address: str) -> None:
    def of(choice: Any) -> Any:
        frame = privacy(PrivacyRules(ips=choice)).applied(web_logs({"remote_ip": address}))
        return frame["remote_ip"][0]

    assert of("keep") == address
    assert of("drop") == ""
    assert of("pseudonymise").startswith("ip-")
    cut = {"2001:db8:1:2::3": "2001:db8:1::"}.get(address, "93.184.216.0")
    assert of("truncate") == (cut if address != "x" else of("pseudonymise"))


def test_rows_without_session_keep_meeting_in_one_partition() -> None:
    values = {"user_id": None, "session_id": ..., "remote_ip": "93.184.216.34"}
    for choice in ("keep", "truncate", "pseudonymise"):
        rows = privacy(PrivacyRules(ips=choice)).applied(web_logs(values, values))
        assert rows.select(web_log_key()).to_series().n_unique() == 1
    rows = privacy(PrivacyRules(ips="drop")).applied(web_logs(values, values))
    assert rows.select(web_log_key()).to_series().to_list() == rows["id"].to_list()


@pytest.mark.parametrize(
    "url",
    [
        "/courses/1/assignments/2/submissions/{u}?include[]=x",
        "/courses/1/grades/{u}#tab",
        "/courses/1/gradebook/speed_grader?assignment_id=3&student_id={u}",
        "/login?redirect=%2Fusers%2F{u}%2Fmasquerade",
        "/api/v1/x?enrollment[user_id]={u}&b=1",
        "/api/v1/x?user_ids%5B%5D={u}",
        "/calendar?context_codes[]=user_{u}",
        "urn:instructure:canvas:course:7:Instructor:{u}",
    ],
)
def test_ids_of_people_are_found_where_canvas_puts_them(url: str) -> None:
    texts = PersonalTexts(Pseudonyms(KEY))
    assert texts.replaced(url.format(u=4242)) == url.format(u=texts.person(4242))


@pytest.mark.parametrize(
    "url",
    [
        "/courses/565/assignments/371?include%5B%5D=visibility&per_page=50",
        "/api/v1/users/self/todo",
        "/courses/1/files/2/download?wrap=1",
        "urn:uuid:1145bf32-0ada-462d-9c97-7acd5b513472",
        "http://purl.imsglobal.org/ctx/caliper/v1p1",
    ],
)
def test_what_names_nobody_stays(url: str) -> None:
    assert PersonalTexts(Pseudonyms(KEY)).replaced(url) == url


@given(
    st.sampled_from(["/x?search_term={}", "/x?user[name]={}", "/u?email={}&a=1", "mail {} me"]),
    st.sampled_from(["ann.lee@school.example", "ann.lee%40school.example"]),
)
def test_an_e_mail_address_has_one_pseudonym_everywhere(url: str, mail: str) -> None:
    texts = PersonalTexts(Pseudonyms(KEY))
    expected = Pseudonyms(KEY).text("Ann.Lee@school.example")
    assert texts.replaced(url.format(mail)) == url.format(expected)


_FRAGMENTS = st.sampled_from(
    ["/users/5", "user_id=", "user_7", "&", "?", "a@b.example", "%40", "=", ",", "name=", ":user:9"]
) | st.text(st.characters(codec="utf-8"), max_size=6)


@given(st.lists(_FRAGMENTS, max_size=8).map("".join))
def test_replacing_twice_changes_nothing_and_the_search_misses_nothing(text: str) -> None:
    texts = PersonalTexts(Pseudonyms(KEY))
    once = texts.replaced(text)
    assert texts.replaced(once) == once
    if once != text:
        assert pl.Series([text]).str.contains(PERSONAL)[0]


def test_names_and_what_people_wrote_do_not_survive_in_bodies() -> None:
    event = live_event(
        {
            "user": {"email": "inewton@school.example", "id": "123", "name": "Isaac Newton"},
            "body": "Dear Leibniz",
            "student_sis_id": "456-T45",
            "nested": json.dumps({"user_name": "Isaac Newton"}),
            "title": "Calculus",
        },
        user_login="inewton@school.example",
        user_sis_id="456-T45",
        client_ip="93.184.216.34",
    )
    text = json.dumps(event)
    for personal in ("Newton", "inewton", "Leibniz", "456-T45", "93.184", '"123"'):
        assert personal not in text
    body = json.loads(event["body"])
    assert body["body"] == REMOVED
    assert body["title"] == "Calculus"
    assert body["user"]["email"] == event["user_login"]
    assert body["student_sis_id"] == event["user_sis_id"]


def test_a_dead_letter_keeps_no_payload_where_people_are_replaced() -> None:
    letter = pl.DataFrame({"payload": [b"Isaac"], "cut": [False], "sealed": [b"x"]})
    applied = privacy().applied(letter)
    assert applied.row(0) == (b"", True, b"x")


def test_applying_twice_changes_nothing() -> None:
    frame = web_logs({"user_id": 5, "url": "/users/5?q=ann", "extra": {"user_name": "Ann"}})
    once = privacy().applied(frame)
    assert privacy().applied(once).equals(once)


def test_a_context_that_is_a_user_gets_their_pseudonym_and_no_other_does() -> None:
    privately = privacy()
    rows = privately.applied(
        web_logs(
            {"web_application_context_type": "User", "web_application_context_id": 5},
            {"web_application_context_type": "Course", "web_application_context_id": 5},
        )
    )
    assert rows["web_application_context_id"].to_list() == [privately.person(5), 5]


def test_audit_rows_are_covered_too() -> None:
    privately = privacy()
    frame = pl.DataFrame(
        {
            "course_id": [5, 5],
            "user_id": [5, None],
            "session_id": [None, "x"],
            "event_data": ['{"course_code":["a","ann@school.example"]}', "{}"],
            "extra": [None, '{"user_name":"Ann"}'],
            "truncated": [False, False],
        },
        schema_overrides={"session_id": pl.String},
    )
    rows = privately.applied(frame)
    assert rows["course_id"].to_list() == [5, 5]
    assert rows["user_id"].to_list() == [privately.person(5), None]
    assert "ann" not in str(rows["event_data"][0]).lower()
    assert "Ann" not in str(rows["extra"][1])
    assert rows["session_id"].to_list() == [None, "x"]


@given(st.sampled_from(["keep", "pseudonymise", "drop"]))
def test_each_choice_is_about_its_own_data_alone(choice: Any) -> None:
    keep: dict[str, Any] = dict.fromkeys(("users", "names", "ips", "urls", "texts"), "keep")
    frame = web_logs({"user_id": 5, "url": "/users/5?a=1", "remote_ip": "93.184.216.34"})
    assert privacy(PrivacyRules(**keep)).applied(frame).equals(frame)
    rows = privacy(PrivacyRules(**(keep | {"urls": choice}))).applied(frame)
    expected = {
        "keep": "/users/5?a=1",
        "pseudonymise": f"/users/{privacy().person(5)}?a=1",
        "drop": f"/users/{privacy().person(5)}",
    }
    assert rows["url"].to_list() == [expected[choice]]
    assert rows.drop("url").equals(frame.drop("url"))
