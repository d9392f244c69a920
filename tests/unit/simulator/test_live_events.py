"""Live Events have the documented envelope and tell of the same requests as web_logs."""

from collections import Counter

from pipeline.domain.event_time import MICROS
from pipeline.simulator.instance import HOST, SHARD_SIZE
from tests.support.simulated import Simulated, micros

ALWAYS = {
    "event_name",
    "event_time",
    "producer",
    "root_account_id",
    "root_account_uuid",
    "root_account_lti_guid",
}
REQUEST = {
    "client_ip",
    "hostname",
    "http_method",
    "url",
    "referrer",
    "request_id",
    "session_id",
    "user_agent",
}
PERSON = {"user_id", "user_login", "user_account_id", "user_sis_id", "time_zone"}
CONTEXT = {
    "context_type",
    "context_id",
    "context_account_id",
    "context_sis_source_id",
    "context_role",
}
MORE = {"developer_key_id", "real_user_id"}
JOB = {"job_id", "job_tag"}


def local(text: str) -> int:
    shard, number = divmod(int(text), SHARD_SIZE)
    return number if shard == 2107 else int(text)


def test_every_event_has_the_documented_envelope(attacked: Simulated) -> None:
    for event in attacked.events():
        assert set(event) == {"metadata", "body"}
        keys = event["metadata"].keys()
        assert keys >= ALWAYS
        assert all(value is None or type(value) is str for value in event["metadata"].values())
        if "job_id" in keys:
            assert keys == ALWAYS | JOB
        else:
            assert ALWAYS | REQUEST <= keys <= ALWAYS | REQUEST | PERSON | CONTEXT | MORE
            assert event["metadata"]["hostname"] == HOST


def test_an_event_and_its_row_agree(attacked: Simulated) -> None:
    rows = {row["id"]: row for row in attacked.rows()}
    for event in attacked.events():
        metadata = event["metadata"]
        if "job_id" in metadata:
            continue
        row = rows[metadata["request_id"]]
        session = row.get("session_id")
        assert metadata["session_id"] == (None if session is None else session.replace("-", ""))
        for name in ("user_id", "real_user_id", "developer_key_id"):
            assert row.get(name) == (local(metadata[name]) if name in metadata else None)
        assert metadata["url"] == f"https://{HOST}{row['url']}"
        assert metadata["http_method"] == row["http_method"]
        assert metadata["client_ip"] == row["remote_ip"]
        assert row["http_status"] < 400
        delay = micros(metadata["event_time"]) - micros(row["timestamp"])
        assert 0 <= delay <= MICROS


def test_events_are_within_the_stretch_and_less_than_90_s_out_of_order(
    attacked: Simulated,
) -> None:
    config = attacked.summary.config
    largest = 0
    disorder = 0
    for event in attacked.events():
        time = micros(event["metadata"]["event_time"])
        assert config.start_us <= time < config.end_us
        assert largest - time < 90 * MICROS
        disorder += time < largest
        largest = max(largest, time)
    assert disorder > 0


def test_many_kinds_of_events_occur_and_most_show_a_page(attacked: Simulated) -> None:
    names = Counter(event["metadata"]["event_name"] for event in attacked.events())
    assert names.keys() >= {
        "asset_accessed",
        "logged_in",
        "logged_out",
        "submission_created",
        "quiz_submitted",
        "discussion_entry_created",
        "conversation_message_created",
        "grade_change",
        "sis_batch_created",
        "enrollment_created",
    }
    assert 0.3 < names.total() / attacked.summary.web_log_rows < 0.6


def test_a_login_is_told_by_both_feeds_with_the_new_session(quiet: Simulated) -> None:
    rows = {row["id"]: row for row in quiet.rows()}
    for event in quiet.events():
        if event["metadata"]["event_name"] == "logged_in":
            row = rows[event["metadata"]["request_id"]]
            assert row["web_application_controller"] in ("login/canvas", "login/saml")
            assert row["http_status"] == 302
            assert "user_id" in row


def test_foreign_people_keep_their_global_id(quiet: Simulated) -> None:
    foreign = {row["user_id"] for row in quiet.rows() if row.get("user_id", 0) >= SHARD_SIZE}
    assert foreign
    told = {event["metadata"].get("user_id") for event in quiet.events()}
    assert {str(user) for user in foreign} & told
