"""Rules against what a running line has recorded: list, explain, backtest; reload on the way."""

import json
import re
import shutil
import time
import urllib.request
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline.aggregate.dimensions import DIMENSIONS
from pipeline.detect.evidence import watch_query
from pipeline.domain.topics import ANOMALIES
from pipeline.local.ports import free_port
from pipeline.sink.client import client_of
from pipeline.sink.queries import query
from tests.support.clickhouse_http import ask
from tests.support.detect_run import RULES
from tests.support.line import Line, simulated
from tests.support.stack import Stack
from tests.support.writing_a_rule import blocks

pytestmark = pytest.mark.stack

SINCE = "2026-02-03"
NAMES = ("error_spike_5xx_controller", "error_spike_5xx_instance", "masquerade_burst")
PATIENCE_S = 240.0


class Recorded(NamedTuple):
    """A closed day of a small university with attacks, and the latest record of every alert."""

    line: Line
    files: Path
    alerts: list[dict[str, Any]]
    reloaded: float


@pytest.fixture(scope="module")
def recorded(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    directory = tmp_path_factory.mktemp("rules")
    files = simulated(directory / "canvas", "--users", "120", "--hours", "8", "--seed", "5")
    rules = directory / "rules"
    rules.mkdir()
    for rule in NAMES:
        shutil.copy(RULES / f"{rule}.yaml", rules)
    name, port = uuid.uuid4().hex[:12], free_port()
    line = Line(stack, f"rules-{name}.", f"rules_{name}", rules_dir=str(rules))
    line.create()
    for feed in ("web_logs", "live_events"):
        found = line.command("ingest", f"{feed.replace('_', '-')}-files", str(files / feed))
        assert found.returncode == 0, found.stderr
    line.variables["metrics_port"] = str(port)
    line.start("detect")
    try:
        reloaded = _reloaded(rules / "masquerade_burst.yaml", port)
        line.variables.pop("metrics_port")
        line.start("sessionize", "sink")
        line.caught_up(close=True)
        latest = {record["episode"]: record for record in line.records(ANOMALIES)}
        alerts = [one for one in latest.values() if one["status"] != "retracted"]
        yield Recorded(line, files, alerts, reloaded)
    finally:
        line.stop()
        ask(stack.clickhouse_address, f"DROP DATABASE {line.settings.clickhouse_database}")


def _reloaded(rule: Path, port: int) -> float:
    """Break a rule file, then mend it to another severity; return what the metrics say."""
    text = rule.read_text()
    _wait_for(port, "canvas_telemetry_ready", 1)
    rule.write_text(text + "colour: red\n")
    _wait_for(port, "canvas_telemetry_rules_wrong", 1)
    rule.write_text(text.replace("severity: critical", "severity: info"))
    _wait_for(port, "canvas_telemetry_rules_wrong", 0)
    return _wait_for(port, "canvas_telemetry_rule_reloads_total", 1)


def _wait_for(port: int, name: str, value: float) -> float:
    found: float | None = None
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = _metric(port, name)
        if found == value:
            return found
        time.sleep(0.2)
    raise AssertionError(f"{name} is {found}, not {value}")


def _metric(port: int, name: str) -> float | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    except OSError:
        return None
    found = re.search(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else None


def _said(line: Line, *arguments: str) -> str:
    done = line.command("rules", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_changed_rule_counts_without_a_restart(recorded: Recorded) -> None:
    assert recorded.reloaded == 1
    severities = {one["rule"]: one["severity"] for one in recorded.alerts}
    assert severities["masquerade_burst"] == "info"


def test_list_counts_the_alerts_of_every_rule(recorded: Recorded) -> None:
    said = _said(recorded.line, "list", "--days", "36500")
    for name in NAMES:
        [row] = [row.split() for row in said.splitlines() if row.startswith(f"{name} ")]
        alerts = [one for one in recorded.alerts if one["rule"] == name]
        assert row[6] == str(len(alerts))


def test_explain_shows_numbers_rows_and_the_query(recorded: Recorded) -> None:
    for alert in recorded.alerts:
        said = _said(recorded.line, "explain", alert["episode"])
        assert alert["explanation"] in said
        assert alert["evidence_query"] in said
        assert f"observed {alert['observed']:g}" in said
        assert any(request in said for request in alert["sample_request_ids"])
        assert "a week before: nothing stored" in said
    refused = recorded.line.command("rules", "explain", "0000")
    assert (refused.returncode, "no alert" in refused.stderr) == (78, True)


def test_evidence_queries_run_and_show_the_requests_behind_an_alert(recorded: Recorded) -> None:
    whole = (0, 4_000_000_000_000_000)
    queries = {one.name: watch_query(one.name, "1#2", ("web_logs",), whole) for one in DIMENSIONS}
    with client_of(recorded.line.settings.clickhouse()) as client:
        for statement in queries.values():
            query(client, statement)
        for alert in recorded.alerts:
            assert query(client, alert["evidence_query"]).rows
        [[actor, ip]] = query(
            client,
            "SELECT toString(user_id), remote_ip FROM web_logs WHERE http_status = 302"
            " AND startsWith(web_application_controller, 'login/') LIMIT 1",
        ).rows
        for dimension, key in (("failed_login_ip", ip), ("admin_actor", actor)):
            assert query(client, watch_query(dimension, str(key), ("web_logs",), whole)).rows


def test_a_backtest_over_clickhouse_finds_the_alerts_that_were_recorded(
    recorded: Recorded, tmp_path: Path
) -> None:
    said = _said(recorded.line, "backtest", "--since", SINCE, "--out", str(tmp_path))
    found = [json.loads(text) for text in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    assert {_story(one) for one in found} == {_story(one) for one in recorded.alerts}
    for name in NAMES:
        many = sum(one["rule"] == name for one in recorded.alerts)
        [row] = [row.split() for row in said.splitlines() if row.startswith(f"{name} ")]
        assert (row[2], row[4], row[5]) == (str(many), str(many), str(many))
        ET.parse(tmp_path / f"{name}.svg")  # noqa: S314 - our own


def test_a_backtest_over_files_finds_the_same(recorded: Recorded, tmp_path: Path) -> None:
    files = ("--web-logs", str(recorded.files / "web_logs"))
    files += ("--live-events", str(recorded.files / "live_events"))
    _said(recorded.line, "backtest", *files, "--out", str(tmp_path))
    found = [json.loads(text) for text in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    assert {_story(one) for one in found} == {_story(one) for one in recorded.alerts}


def test_a_backtest_says_what_a_changed_parameter_would_have_changed(recorded: Recorded) -> None:
    rule = "masquerade_burst"
    many = sum(one["rule"] == rule for one in recorded.alerts)
    strict = ("--set", "min_targets=5000", "--set", "min_writes=5000")
    said = _said(recorded.line, "backtest", "--since", SINCE, "--rule", rule, *strict)
    assert many
    assert f"0 alerts; 0 the same, {many} no more, 0 new" in said
    wrong = recorded.line.command("rules", "backtest", "--rule", rule, "--set", "min_tragets=5")
    assert (wrong.returncode, "min_targets" in wrong.stderr) == (78, True)


def test_the_first_query_of_the_page_for_newcomers_runs(recorded: Recorded) -> None:
    # Nobody failed to log in on that day, and an empty answer has no columns.
    statement = blocks("sql")[0].replace("failed_login_ip", "controller_action")
    with client_of(recorded.line.settings.clickhouse()) as client:
        columns = query(client, statement).columns
    assert columns == ("minute", "key", "rows", "errors", "members_distinct")


def _story(alert: dict[str, Any]) -> tuple[str, str, str, float]:
    return (alert["rule"], alert["key"], alert["episode"], alert["observed"])
