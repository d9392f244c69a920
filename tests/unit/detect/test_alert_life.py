"""The life of an alert: opened, updated, resolved, revised, retracted; published on change."""

import hashlib
import json

import polars as pl

from pipeline.detect.frames import ANOMALY, DETECTOR_STATE
from pipeline.detect.rules import load_rule
from pipeline.domain.event_time import MINUTE
from tests.support.avro_schemas import raw_schemas
from tests.support.detect_run import RULES, DetectRun
from tests.support.minute_stats import acting, requests

T = 29_000_160
PAGE = "courses#show"


def quiet(minutes: range) -> list[dict[str, object]]:
    return [requests(T + m, PAGE, 20) for m in minutes]


def failing(minutes: range, server: int = 15) -> list[dict[str, object]]:
    return [requests(T + m, PAGE, 20, server) for m in minutes]


def test_an_alert_opens_grows_ends_and_becomes_final() -> None:
    run = DetectRun()
    run.finalise(quiet(range(100)), T + 100)
    for minute in range(100, 125):
        rows = (
            failing(range(minute, minute + 1)) if minute < 105 else quiet(range(minute, minute + 1))
        )
        run.observe(rows)
        run.close({"web_logs": T + minute + 1})
        run.take()
    statuses = [record["status"] for record in run.published]
    assert statuses == ["open", *["updated"] * 4, "resolved"]
    assert run.published[-1]["resolved_at"] == (T + 115) * MINUTE
    assert all(record["provisional"] for record in run.published)
    run.finalise(failing(range(100, 105)) + quiet(range(105, 125)), T + 125)
    [final] = run.take()
    assert (final["status"], final["provisional"]) == ("resolved", False)
    assert {record["episode"] for record in run.published} == {final["episode"]}


def test_an_alert_is_provisional_while_a_later_minute_can_go_on_with_it() -> None:
    run = DetectRun()
    rows = failing(range(100, 105)) + quiet(range(105, 125))
    run.observe(rows)
    run.finalise(quiet(range(100)) + failing(range(100, 105)), T + 105)
    run.close({"web_logs": T + 125})
    [over] = run.take()
    assert (over["status"], over["provisional"]) == ("resolved", True)
    run.observe(failing(range(105, 107)))
    [longer] = run.take()
    assert (longer["status"], longer["episode"]) == ("revised", over["episode"])
    run.finalise(failing(range(105, 107)) + quiet(range(107, 125)), T + 125)
    [final] = run.take()
    assert (final["status"], final["provisional"]) == ("resolved", False)


def test_nothing_is_published_when_nothing_changed() -> None:
    run = DetectRun()
    run.observe(failing(range(5)))
    run.close({"web_logs": T + 5})
    assert len(run.take()) == 1
    run.observe(failing(range(5)))
    assert run.take() == []
    anomalies, states = run.detection.take(99)
    assert (anomalies.height, states.height) == (0, 0)


def test_an_alert_that_later_rows_explain_away_is_retracted() -> None:
    run = DetectRun()
    run.finalise(quiet(range(100)), T + 100)
    run.observe(failing(range(100, 102)))
    run.close({"web_logs": T + 102})
    run.take()
    full = [requests(T + m, PAGE, 2000, 15) for m in range(100, 102)]
    run.observe(full)
    [record] = run.take()
    assert (record["status"], record["provisional"]) == ("retracted", False)
    run.finalise(full, T + 200)
    assert run.take() == []
    assert run.windows() == []


def test_late_rows_revise_a_resolved_alert() -> None:
    run = DetectRun()
    run.finalise(quiet(range(100)), T + 100)
    run.observe(failing(range(100, 102)))
    run.close({"web_logs": T + 150})
    run.take()
    run.observe(failing(range(102, 104)))
    [record] = run.take()
    assert (record["status"], record["window_end"]) == ("revised", (T + 104) * MINUTE)


def test_web_logs_confirm_hours_later_what_live_events_showed_in_the_same_episode() -> None:
    targets = [str(number) for number in range(30)]
    run = DetectRun()
    run.observe([acting(T + 10, "666", targets, 0, 40, "live_events")])
    run.close({"live_events": T + 11})
    [opened] = run.take()
    assert (opened["rule"], opened["status"], opened["feeds"]) == (
        "masquerade_burst",
        "open",
        ["live_events"],
    )
    run.close({"live_events": T + 300})
    [over] = run.take()
    assert over["status"] == "resolved"
    run.observe([acting(T + 10, "666", [*targets, "99"], 0, 90, "web_logs")])
    run.close({"web_logs": T + 240})
    [confirmed] = run.take()
    assert confirmed["episode"] == opened["episode"]
    assert (confirmed["status"], confirmed["feeds"]) == ("revised", ["live_events", "web_logs"])
    assert confirmed["sample_request_ids"]


def test_the_fingerprint_is_a_stable_hash_of_rule_detector_and_key() -> None:
    run = DetectRun()
    run.observe(failing(range(5)))
    run.close({"web_logs": T + 5})
    [record] = run.take()
    text = json.dumps(["error_spike_5xx_controller", "error_spike", PAGE])
    assert record["fingerprint"] == hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    assert record["episode"] == f"{record['fingerprint']}-{record['opened_at'] // MINUTE}"


def test_a_shadow_rule_publishes_nothing_and_an_off_rule_keeps_nothing() -> None:
    text = (RULES / "error_spike_5xx_controller.yaml").read_text()
    text = text.replace("part_of: error_spike_5xx_instance\n", "")
    for state, keeps in (("shadow", True), ("off", False)):
        run = DetectRun([load_rule(text + f"state: {state}\n", "x")])
        run.finalise(failing(range(5)), T + 60)
        assert run.take() == []
        assert any(name == "error_spike_5xx_controller" for name, _ in run.states) == keeps


def test_frames_have_the_columns_of_their_schemas() -> None:
    for name, schema in (("anomaly", ANOMALY), ("detector_state", DETECTOR_STATE)):
        fields = [field["name"] for field in raw_schemas()[name]["fields"]]
        assert list(schema) == fields


def test_a_take_without_input_is_empty_but_typed() -> None:
    anomalies, states = DetectRun().detection.take(1)
    assert anomalies.schema == pl.Schema(ANOMALY)
    assert states.schema == pl.Schema(DETECTOR_STATE)
    assert (anomalies.height, states.height) == (0, 0)
