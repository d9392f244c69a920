"""web_logs files look as DAP's export is documented to look."""

import re
from collections import Counter, defaultdict
from ipaddress import ip_address
from itertools import pairwise
from typing import Any
from uuid import UUID

from pipeline.domain.event_time import HOUR, MINUTE
from tests.support.simulated import Simulated, micros

REQUIRED: dict[str, type] = {
    "timestamp": str,
    "url": str,
    "http_method": str,
    "http_status": int,
    "http_version": str,
    "remote_ip": str,
    "interaction_micros": int,
    "participated": bool,
}
OPTIONAL: dict[str, type] = {
    "user_id": int,
    "real_user_id": int,
    "course_id": int,
    "quiz_id": int,
    "discussion_id": int,
    "conversation_id": int,
    "assignment_id": int,
    "web_application_controller": str,
    "web_application_action": str,
    "web_application_context_type": str,
    "web_application_context_id": int,
    "session_id": str,
    "developer_key_id": int,
    "user_agent": str,
}
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
DASHED = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def by_session(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    sessions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["timestamp"]):
        if "session_id" in row:
            sessions[row["session_id"]].append(row)
    return sessions


def test_every_row_has_the_documented_shape(attacked: Simulated) -> None:
    for _, line in attacked.good("web_logs"):
        assert set(line["meta"]) == {"action", "ts"}
        assert TIMESTAMP.fullmatch(line["meta"]["ts"])
        assert UUID(line["key"]["id"]).version == 4
        if line["meta"]["action"] == "D":
            assert set(line) == {"meta", "key"}
            continue
        value = line["value"]
        assert REQUIRED.keys() <= value.keys() <= REQUIRED.keys() | OPTIONAL.keys()
        for name, content in value.items():
            assert type(content) is (REQUIRED | OPTIONAL)[name]
        assert TIMESTAMP.fullmatch(value["timestamp"])
        assert DASHED.fullmatch(value.get("session_id", str(UUID(int=0))))
        assert ip_address(value["remote_ip"])
        assert 0 <= value["interaction_micros"] < 2**31
        assert value["url"].startswith("/")


def test_rows_are_within_the_stretch_and_committed_after_their_window(attacked: Simulated) -> None:
    config = attacked.summary.config
    for _, line in attacked.good("web_logs"):
        if line["meta"]["action"] == "U":
            time, commit = micros(line["value"]["timestamp"]), micros(line["meta"]["ts"])
            assert config.start_us <= time < config.end_us
            assert time < commit < time + 2 * 4 * HOUR + 15 * MINUTE


def test_no_file_has_two_rows_of_one_id_and_none_is_sorted(attacked: Simulated) -> None:
    files: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for file, line in attacked.good("web_logs"):
        files[file].append(line)
    for lines in files.values():
        assert max(Counter(line["key"]["id"] for line in lines).values()) == 1
        times = [line["value"]["timestamp"] for line in lines if "value" in line]
        assert len(times) < 10 or times != sorted(times)


def test_a_correction_changes_a_row_and_comes_in_the_next_window(attacked: Simulated) -> None:
    versions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for _, line in attacked.good("web_logs"):
        if line["meta"]["action"] == "U":
            versions[line["key"]["id"]].append(line)
    corrected = [pair for pair in versions.values() if len(pair) == 2]
    assert len(corrected) == attacked.summary.corrections > 0
    for first, second in corrected:
        assert micros(first["meta"]["ts"]) < micros(second["meta"]["ts"])
        changed = {name for name in first["value"] if first["value"][name] != second["value"][name]}
        assert changed == {"interaction_micros"}


def test_a_deletion_follows_its_row(attacked: Simulated) -> None:
    commits: dict[str, int] = {}
    for _, line in attacked.good("web_logs"):
        identity = line["key"]["id"]
        if line["meta"]["action"] == "D":
            assert commits[identity] < micros(line["meta"]["ts"])
        commits.setdefault(identity, micros(line["meta"]["ts"]))


def test_sentinels_and_unknown_values_occur(attacked: Simulated) -> None:
    rows = attacked.rows()
    agents = Counter(row.get("user_agent") for row in rows)
    assert agents["__dap_oversized_truncated__"] > 0
    assert agents[None] == 0
    assert any(row.get("web_application_action") == "__dap_unspecified__" for row in rows)
    assert any(row.get("web_application_context_type") == "LearningPath" for row in rows)
    assert any(row["http_version"] == "3.0" for row in rows)
    assert any(row["http_status"] in (499, 520) for row in rows)


def test_sessions_pause_longer_than_the_gap_and_cross_the_start_of_a_day(quiet: Simulated) -> None:
    sessions = by_session(quiet.rows())
    paused = crossing = 0
    for rows in sessions.values():
        times = [micros(row["timestamp"]) for row in rows]
        paused += any(b - a > 30 * MINUTE for a, b in pairwise(times))
        four = quiet.summary.config.start_us + 4 * HOUR
        crossing += any(a < four <= b for a, b in pairwise(times))
    assert paused > len(sessions) / 20
    assert crossing > 0


def test_sessions_belong_to_one_actor_and_rarely_change_network(quiet: Simulated) -> None:
    moved = 0
    sessions = by_session(quiet.rows())
    for rows in sessions.values():
        actors = {row.get("real_user_id", row.get("user_id")) for row in rows}
        assert len(actors) == 1
        moved += len({row["remote_ip"] for row in rows}) > 1
    assert 0 < moved < len(sessions) / 20


def test_logins_fail_without_a_user_and_succeed_with_a_redirect(quiet: Simulated) -> None:
    logins = [
        row for row in quiet.rows() if row.get("web_application_controller") == "login/canvas"
    ]
    posts = [row for row in logins if row["http_method"] == "POST"]
    failed = [row for row in posts if row["http_status"] == 400]
    assert 0 < len(failed) < len(posts) / 4
    assert not any("user_id" in row for row in failed)
    assert all("user_id" in row for row in posts if row["http_status"] == 302)


def test_the_mix_is_that_of_a_university(quiet: Simulated) -> None:
    rows = quiet.rows()
    share = Counter(row["http_status"] // 100 for row in rows)
    assert 0.80 < share[2] / len(rows) < 0.92
    assert 0.02 < share[4] / len(rows) < 0.07
    assert 0.001 < share[5] / len(rows) < 0.006
    assert 100 < len(rows) / quiet.summary.config.users < 200
    hours = Counter(row["timestamp"][11:13] for row in rows)
    assert hours["22"] > 5 * hours["04"]
    scripts = [row for row in rows if row.get("user_agent", "").startswith("python-requests/")]
    assert any("session_id" not in row for row in scripts)
    phones = [row for row in rows if "Canvas" in row.get("user_agent", "")]
    assert phones
    assert all("developer_key_id" in row for row in phones)
