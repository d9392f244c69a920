"""Live Events of both formats → one shape."""

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.avro import ColumnEncoder
from pipeline.codecs.caliper_names import caliper_name
from pipeline.codecs.json_text import canonical_json
from pipeline.codecs.live_event import event_key
from pipeline.codecs.live_event_rows import RawEvent, live_event_key, read_live_events
from tests.support.avro_schemas import raw_schemas
from tests.support.published_examples import EXAMPLES, needs_examples

NOW = 1_900_000_000_000_000
GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


def read(*documents: Any, now: int = NOW, name: str | None = None) -> list[dict[str, Any]]:
    raws = [RawEvent(json.dumps(document).encode(), "x:1", name) for document in documents]
    rows, bad = read_live_events(raws, now)
    assert not bad
    return rows.to_dicts()


def event(body: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    known = {"event_name": "logged_in", "event_time": "2026-03-02T14:05:06.789Z"}
    return {"metadata": {**known, **metadata}, "body": {} if body is None else body}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_raw_event_becomes_the_expected_record(path: Path) -> None:
    pair = json.loads(path.read_text())
    [row] = read(pair["raw"])
    found = {name: item for name, item in row.items() if item is not None}
    for name in ("body", "extra"):
        if name in found:
            found[name] = json.loads(found[name])
    assert found == pair["expected"]


@needs_examples
@pytest.mark.parametrize(("form", "count"), [("canvas", 130), ("caliper", 71)])
def test_none_of_the_published_examples_is_dead(form: str, count: int) -> None:
    paths = sorted((EXAMPLES / form).glob("*.json"))
    rows, bad = read_live_events([RawEvent(p.read_bytes(), p.name) for p in paths], NOW)
    assert not bad
    assert rows.height == count
    names = zip(rows["event_name"].to_list(), paths, strict=True)
    # The published example of grade_override names itself grade_change.
    wrong = {p.name for name, p in names if p.name.split(".json")[0].rstrip("0123456789.") != name}
    assert wrong <= {"grade_override.json", "outcomes.retry_outcome_alignment_clone.json"}
    ingested = rows.with_columns(ingested_at=1, source=rows["format"])
    encoder = ColumnEncoder(raw_schemas()["live_event"], 1)
    assert len(encoder.encode(ingested.with_columns(ingested_at=rows["event_time"]))) == count


@needs_examples
def test_published_caliper_examples_are_named_by_their_content() -> None:
    for path in sorted((EXAMPLES / "caliper").glob("*.json")):
        [inner] = json.loads(path.read_bytes())["data"]
        assert caliper_name(inner) == path.name.partition(".")[0]


bodies = st.dictionaries(
    st.text(max_size=4),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=6,
    ),
    max_size=4,
)


def reordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: reordered(value[name]) for name in reversed(value)}
    return [reordered(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=60, deadline=None)
@given(bodies)
def test_the_event_key_ignores_the_order_of_members(body: dict[str, Any]) -> None:
    first, second = read(event(body), event(reordered(body)))
    assert first["event_key"] == second["event_key"]


@pytest.mark.parametrize(
    "other",
    [
        event({"a": 1}, event_name="logged_out"),
        event({"a": 1}, event_time="2026-03-02T14:05:06.788Z"),
        event({"a": 1}, request_id="9f1c0a52-55ad-4e3c-9d39-0d9f6a1b2c3d"),
        event({"a": 1}, job_id="9"),
        event({"a": 2}),
        event({"a": 1, "url": "/x?token=a"}),
    ],
)
def test_different_events_have_different_keys(other: dict[str, Any]) -> None:
    one, two = read(event({"a": 1}), other)
    assert one["event_key"] != two["event_key"]


def test_the_same_instant_written_otherwise_is_the_same_event() -> None:
    one, two = read(event(), event(event_time="2026-03-02 15:05:06.789 +0100"))
    assert one["event_key"] == two["event_key"]


def test_arrays_and_envelopes_of_several_events_are_opened() -> None:
    inner = {"type": "SessionEvent", "action": "LoggedIn", "eventTime": "2026-03-02T14:05:06Z"}
    rows = read(
        [event(), event({"a": 1})], {"data": [inner, {**inner, "action": "LoggedOut"}]}, inner
    )
    assert [row["event_name"] for row in rows] == [
        "logged_in",
        "logged_in",
        "logged_in",
        "logged_out",
        "logged_in",
    ]


def test_the_name_of_the_delivery_fills_in_for_a_missing_one() -> None:
    document = event()
    del document["metadata"]["event_name"]
    assert read(document, name="logged_in")[0]["event_name"] == "logged_in"


@pytest.mark.parametrize(
    ("payload", "reason", "detail"),
    [
        (b"{", "json", "Expecting property name"),
        (b'{"body":' + b"[" * 400 + b"]" * 400 + b"}", "json", "nested too deeply"),
        (b"5", "shape", "an event should be a JSON object"),
        (b"{}", "shape", "it has neither metadata and body nor Caliper data"),
        (b'{"metadata":{},"body":{}}', "shape", "metadata: event_name is missing"),
        (b'{"metadata":{"event_name":" ","event_time":"x"}}', "value", "event_name is blank"),
        (json.dumps(event(user_id="bob")).encode(), "value", "user_id an id is a whole number"),
        (json.dumps(event(event_time="1999-01-01T00:00:00Z")).encode(), "time", "before 2000"),
        (json.dumps(event(event_time="2999-01-01T00:00:00Z")).encode(), "time", "s after it was"),
        (b'{"metadata":{"event_name":"x"},"body":[]}', "shape", "body should be a JSON object"),
        (b'{"data":[5]}', "shape", "a Caliper event should be a JSON object"),
        (b'{"data":[{"type":"Event"}]}', "shape", "action should be a text"),
        (json.dumps(event()).encode()[:-3] + b'{"a":1e999}}', "value", "beyond the range"),
    ],
)
def test_what_is_wrong_is_said(payload: bytes, reason: str, detail: str) -> None:
    good = RawEvent(json.dumps(event()).encode(), "x:1")
    rows, bad = read_live_events([good, RawEvent(payload, "x:2"), good], NOW)
    assert rows.height == 2
    [(position, record)] = bad
    assert (position, record.reason, record.location) == (1, reason, "x:2")
    assert detail in record.detail


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(
        ["url", "referrer", "user_agent", "user_login", "context_role", "job_tag", "new_field"]
    ),
    st.sampled_from(["body", "metadata"]),
    st.sampled_from(
        ["/x?access_token=S3cr3t", "/feeds/calendars/user_S3cr3t.ics", "a%3Fcode%3DS3cr3t"]
    ),
)
def test_a_planted_secret_never_survives(field: str, part: str, text: str) -> None:
    document = event({"nested": [{field: text}]}) if part == "body" else event(**{field: text})
    document["more"] = {"verifier": "S3cr3t"}
    assert "S3cr3t" not in json.dumps(read(document))


def test_an_event_beyond_the_limit_is_cut_and_keeps_its_key() -> None:
    document = event({"text": "x" * 50_000}, user_agent="y" * 30_000)
    raw = RawEvent(json.dumps(document).encode(), "x:1")
    [whole], _ = (frame.to_dicts() for frame in (read_live_events([raw], NOW)[0],) * 2)
    cut = read_live_events([raw], NOW, record_limit=20_000)[0].row(0, named=True)
    assert cut["event_key"] == whole["event_key"]
    assert cut["truncated"]
    assert json.loads(cut["body"])["truncated"]
    assert len(cut["user_agent"]) < 20_000


@pytest.mark.parametrize("nobody", [0, "0", "12340000000000000", 99990000000000000])
def test_user_0_is_nobody_in_both_formats(nobody: Any) -> None:
    root = 12340000000000001
    actor = {"root_account_id": root, "real_user_id": nobody}
    caliper = {
        "type": "SessionEvent",
        "action": "LoggedIn",
        "eventTime": "2026-03-02T14:05:06Z",
        "actor": {
            "id": f"urn:instructure:canvas:user:{nobody}",
            "extensions": {"com.instructure.canvas": actor},
        },
    }
    canvas = event(user_id=nobody, real_user_id=nobody, root_account_id=root)
    for row in read(canvas, caliper):
        assert row["root_account_id"] == root
        assert (row["user_id"], row["real_user_id"]) == (None, None)


@pytest.mark.parametrize(
    ("metadata", "key"),
    [
        ({"session_id": "0" * 32, "user_id": 1}, "0" * 32),
        ({"user_id": 1, "real_user_id": "2"}, "2"),
        ({"user_id": 1, "client_ip": "::1"}, "1"),
        ({"client_ip": "::1"}, "::1"),
        ({"user_id": 1, "real_user_id": 0}, "1"),
        ({"user_id": 0, "client_ip": "::1"}, "::1"),
    ],
)
def test_the_key_is_session_else_actor_else_ip(metadata: dict[str, Any], key: str) -> None:
    raw = RawEvent(json.dumps(event(**metadata)).encode(), "x:1")
    rows, _ = read_live_events([raw], NOW)
    assert rows.select(live_event_key()).to_series().to_list() == [key]
    alone, _ = read_live_events([RawEvent(json.dumps(event()).encode(), "x:1")], NOW)
    assert alone.select(live_event_key()).to_series().to_list() == alone["event_key"].to_list()


@given(st.text(max_size=6), st.integers(-(2**62), 2**62), st.none() | st.text(max_size=6), bodies)
def test_the_event_key_is_the_hash_of_its_parts_as_json(
    name: str, instant: int, cause: str | None, body: dict[str, Any]
) -> None:
    canonical = canonical_json(body)
    head = json.dumps([name, instant, cause], separators=(",", ":"))
    whole = f"{head}\n{canonical}".encode()
    assert event_key(name, instant, cause, canonical) == blake2b(whole, digest_size=16).hexdigest()
