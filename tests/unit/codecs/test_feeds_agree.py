"""What both feeds say of one request, person and session is the same (semantics rules 1 to 5)."""

import json
from typing import Any

import polars as pl
import pytest

from pipeline.codecs.event_batch import event_batch, event_columns
from pipeline.codecs.live_event_rows import RawEvent, live_event_key, read_live_events
from pipeline.codecs.web_log_rows import Origin, read_web_logs, web_log_key
from pipeline.domain.feeds import Feed
from tests.support.raw_rows import GOOD_ID, line, row

NOW = 1_771_200_000_000_000
SHARD = 10_000_000_000_000
HOME = 2107
SESSION = "ef686f8e-d684-abf7-8cbf-a1f6a58112b5"


def request(home_shard: int | None = None, **value: Any) -> pl.DataFrame:
    """A row of web_logs as it is published."""
    logs = read_web_logs([line(row(GOOD_ID, **value))], 1, Origin("a.jsonl", NOW, home_shard))
    assert not logs.bad
    return logs.rows


def canvas_event(**metadata: Any) -> pl.DataFrame:
    """An event of the Canvas format as it is published."""
    known = {
        "event_name": "asset_accessed",
        "event_time": "2026-02-15T04:31:07.218Z",
        "request_id": GOOD_ID.replace("-", "").upper(),
        "root_account_id": str(HOME * SHARD + 1),
    }
    return published({"metadata": {**known, **metadata}, "body": {}})


def caliper_event(session: str | None = None, user: int | None = None) -> pl.DataFrame:
    """A Caliper event as it is published; ids are global ones."""
    extension = {"root_account_id": str(HOME * SHARD + 1)}
    actor: dict[str, Any] = {"extensions": {"com.instructure.canvas": extension}}
    if user is not None:
        actor |= {"id": f"urn:instructure:canvas:user:{user}", "type": "Person"}
    document = {
        "id": f"urn:uuid:{GOOD_ID}",
        "type": "NavigationEvent",
        "action": "NavigatedTo",
        "eventTime": "2026-02-15T04:31:07.218Z",
        "actor": actor,
        "extensions": {"com.instructure.canvas": {"client_ip": "192.0.2.7"}},
    }
    if session is not None:
        document["session"] = {"id": f"urn:instructure:canvas:session:{session}"}
    return published(document)


def published(document: dict[str, Any]) -> pl.DataFrame:
    rows, bad = read_live_events([RawEvent(json.dumps(document).encode(), "x:1")], NOW)
    assert not bad
    return rows


def key(rows: pl.DataFrame) -> str | None:
    name = web_log_key() if "timestamp" in rows.columns else live_event_key()
    found: str | None = rows.select(name).to_series().item()
    return found


def batch(rows: pl.DataFrame) -> dict[str, Any]:
    """The row as sessionize and aggregate see it."""
    feed: Feed = "web_logs" if "timestamp" in rows.columns else "live_events"
    decoded = rows.select(
        *event_columns(feed), pl.lit(0, pl.Int64).alias("_offset"), pl.lit(0).alias("_timestamp_ms")
    )
    return event_batch(feed, decoded).row(0, named=True)


def test_rule_1_and_4_a_session_is_the_same_and_on_the_same_partition_in_every_feed() -> None:
    plain = SESSION.replace("-", "")
    rows = [
        request(session_id=SESSION),
        canvas_event(session_id=plain),
        canvas_event(session_id=SESSION.upper()),
        caliper_event(session=plain),
    ]
    assert {key(each) for each in rows} == {plain}
    assert {(batch(each)["session_hi"], batch(each)["session_lo"]) for each in rows} == {
        divmod(int(plain, 16), 1 << 64)
    }


@pytest.mark.parametrize("local", [48, 3 * SHARD + 48], ids=["home shard", "foreign shard"])
def test_rule_2_and_4_a_person_is_the_same_and_on_the_same_partition_in_every_feed(
    local: int,
) -> None:
    everywhere = local if local > SHARD else HOME * SHARD + local
    rows = [
        request(session_id=None, user_id=local),
        request(home_shard=HOME, session_id=None, user_id=everywhere),
        canvas_event(user_id=str(everywhere)),
        caliper_event(user=everywhere),
    ]
    assert {key(each) for each in rows} == {str(local)}
    assert {(batch(each)["actor"], batch(each)["user"]) for each in rows} == {(local, local)}


def test_rule_2_what_is_on_the_home_shard_has_one_id_in_both_feeds() -> None:
    web = batch(request(course_id=565, developer_key_id=7))
    live = batch(
        canvas_event(
            context_type="Course",
            context_id=HOME * SHARD + 565,
            developer_key_id=HOME * SHARD + 7,
        )
    )
    assert (web["course"], web["developer_key"]) == (live["course"], live["developer_key"])


def test_rule_3_and_4_the_real_user_acts_and_keys_in_every_feed() -> None:
    rows = [
        request(session_id=None, user_id=48, real_user_id=2),
        canvas_event(user_id=HOME * SHARD + 48, real_user_id=HOME * SHARD + 2),
    ]
    assert {key(each) for each in rows} == {"2"}
    for each in map(batch, rows):
        assert (each["actor"], each["user"], each["masqueraded"]) == (2, 48, True)
    assert not batch(request(user_id=48, real_user_id=48))["masqueraded"]


def test_rule_4_without_session_and_person_the_address_is_the_key_and_then_the_event() -> None:
    address = "192.0.2.7"
    assert key(request(session_id=None, user_id=None, remote_ip=address)) == address
    assert key(canvas_event(client_ip=address)) == key(caliper_event()) == address
    assert key(request(session_id=None, user_id=None, remote_ip="")) == GOOD_ID
    event = canvas_event()
    assert key(event) == event["event_key"].item()


def test_rule_5_event_keys_of_both_feeds_are_the_128_bits_of_their_ids() -> None:
    wanted = divmod(int(GOOD_ID.replace("-", ""), 16), 1 << 64)
    for each in map(batch, (request(), caliper_event())):
        assert (each["key_hi"], each["key_lo"]) == wanted
    web, live = batch(request()), batch(canvas_event())
    assert web["request_id"] == live["request_id"]
    assert (live["key_hi"], live["key_lo"]) != wanted


def test_rule_6_errors_are_statuses_from_400_and_events_have_none() -> None:
    found = {status: batch(request(http_status=status))["status"] for status in (99, 499, 520, 700)}
    assert found == {status: status for status in found}
    assert batch(request(interaction_micros=-5))["duration"] == 0
    live = batch(canvas_event())
    assert (live["status"], live["duration"], live["controller"]) == (0, 0, None)
