"""Sentences of docs/semantics.md on single rows that no other test states."""

import hashlib
import json
from typing import Any

import pytest

from pipeline.codecs.dead_letters import dead_letters
from pipeline.codecs.live_event_rows import RawEvent, read_live_events
from pipeline.codecs.web_log_rows import Origin, read_web_logs
from pipeline.domain.bad_record import BadRecord
from tests.support.raw_rows import GOOD_ID, line, row

NOW = 1_771_200_000_000_000


def event(document: dict[str, Any], record_limit: int | None = None) -> dict[str, Any]:
    more = {} if record_limit is None else {"record_limit": record_limit}
    rows, bad = read_live_events([RawEvent(json.dumps(document).encode(), "x:1")], NOW, **more)
    assert not bad
    return rows.row(0, named=True)


def test_rule_5_the_same_click_in_canvas_format_and_in_caliper_is_two_events() -> None:
    canvas = {
        "metadata": {
            "event_name": "asset_accessed",
            "event_time": "2026-02-15T04:31:07.218Z",
            "request_id": GOOD_ID,
        },
        "body": {},
    }
    caliper = {
        "id": f"urn:uuid:{GOOD_ID}",
        "type": "NavigationEvent",
        "action": "NavigatedTo",
        "eventTime": "2026-02-15T04:31:07.218Z",
        "extensions": {"com.instructure.canvas": {"request_id": GOOD_ID}},
    }
    found = [event(document) for document in (canvas, caliper, caliper)]
    assert {each["event_time"] for each in found} == {found[0]["event_time"]}
    assert found[0]["event_key"] != found[1]["event_key"] == found[2]["event_key"]
    assert found[1]["event_key"] == GOOD_ID.replace("-", "")


@pytest.mark.parametrize("agent", ["", " ", "_dap_unspecified_", "__dap_oversized_truncated__"])
def test_rule_6_a_user_agent_that_says_nothing_is_none(agent: str) -> None:
    rows = read_web_logs([line(row(user_agent=agent))], 1, Origin("x", NOW)).rows
    assert rows["user_agent"].to_list() == [None]


def test_rule_24_a_letter_is_masked_where_nothing_can_be_parsed_and_hashed_as_it_came() -> None:
    payload = b'{"url": "/login?verifier=abc&a=1", \xff\xfe broken'
    bad = BadRecord("a:1", "json", "broken", "ValueError", payload)
    letters = dead_letters([bad], source="s", feed="web_logs", happened_at=1)
    letter = letters.row(0, named=True)
    assert letter["payload"] == payload.replace(b"abc", b"REDACTED")
    assert letter["payload_sha256"] == hashlib.sha256(payload).hexdigest()
    assert (letter["payload_length"], letter["cut"], letter["sealed"]) == (
        len(payload),
        False,
        None,
    )


@pytest.mark.parametrize("place", range(9_900, 10_100, 7))
def test_rule_25_a_secret_at_the_cut_is_masked_before_the_row_is_cut(place: int) -> None:
    url = "/" + "x" * place + "?access_token=S3cr3tS3cr3tS3cr3t&y=" + "z" * 20_000
    origin = Origin("x", NOW, record_limit=14_000)
    rows = read_web_logs([line(row(url=url))], 1, origin).rows
    (cut,) = rows.to_dicts()
    assert cut["truncated"]
    assert cut["id"] == GOOD_ID
    assert "S3cr" not in cut["url"]


def test_rule_25_the_event_key_is_that_of_the_whole_event_and_a_long_body_says_so() -> None:
    document = {
        "metadata": {"event_name": "asset_accessed", "event_time": "2026-02-15T04:31:07.218Z"},
        "body": {"text": "x" * 50_000},
    }
    whole, cut = event(document), event(document, record_limit=20_000)
    assert whole["event_key"] == cut["event_key"]
    assert (whole["truncated"], cut["truncated"]) == (False, True)
    said = json.loads(cut["body"])
    assert said["truncated"] is True
    assert said["length"] == len(whole["body"].encode())
