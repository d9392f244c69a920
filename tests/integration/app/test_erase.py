"""Forgetting a person on the real stack: as if they had never been there."""

import gzip
import json
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline.app.commands.erase import erase
from pipeline.codecs.canonical import SHARD
from pipeline.domain.topics import ANOMALIES, ERASURES, REQUEST_STATS, SESSIONS, Topic
from pipeline.sink.client import client_of
from pipeline.sink.people import rows_of
from tests.support.clickhouse_http import ask
from tests.support.line import Line, final, replay, replayed, simulated
from tests.support.stack import Stack

pytestmark = pytest.mark.stack

PATIENCE_S = 600.0
ATTACK = "masquerade-burst"
KEPT = ("erasures", "erased_", "dead_letters")
"""Tables that are to keep the id, or are not searched."""
OF_OTHERS = {"url", "referrer", "body", "extra"}
"""Texts in rows of others, which may say anything."""
OF_BODIES: dict[str | None, tuple[str, ...]] = {
    **dict.fromkeys(("grader", "grader_up", "mass_change"), ("members", "contributing_keys")),
    **dict.fromkeys(("graded_course", "tool", "developer_key"), ("key",)),
}
"""What signals hold of bodies of others' rows, and keys that are numbers of something else."""


class Erased(NamedTuple):
    """A line that forgot somebody who acted as others, and one of these; one that never had them.

    ``told_of`` are the columns that named them before.
    """

    line: Line
    people: tuple[int, int]
    without: Path
    told_of: set[str]


@pytest.fixture(scope="module")
def erased(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erased]:
    """A day's results, closed and final, an alert among them; then the erasures."""
    directory = tmp_path_factory.mktemp("erase")
    simulation = ("--users", "60", "--hours", "6", "--seed", "7", "--attacks", ATTACK)
    files = simulated(directory / "canvas", *simulation)
    whole, without = directory / "whole", directory / "without"
    people = _people_of_the_attack(files)
    _copy(files, whole, without, people)
    name = uuid.uuid4().hex[:12]
    line = Line(stack, f"erase-{name}.", f"erase_{name}")
    line.create()
    for command, feed in (("web-logs-files", "web_logs"), ("live-events-files", "live_events")):
        done = line.command("ingest", command, str(whole / feed))
        assert done.returncode == 0, done.stderr
    line.start("sessionize", "detect", "sink")
    try:
        line.caught_up(close=True, within_s=PATIENCE_S)
        told_of = _told_of(line, people)
        for person in people:
            assert any(_rows(line, person).values())
            erase(person, settings=line.settings)
        yield Erased(line, people, replay(without, directory / "result"), told_of)
    finally:
        line.stop()
        ask(stack.clickhouse_address, f"DROP DATABASE {line.settings.clickhouse_database}")


def test_final_results_are_those_of_a_line_that_never_saw_the_people(erased: Erased) -> None:
    erased.line.caught_up(within_s=PATIENCE_S)
    for topic in (SESSIONS, REQUEST_STATS, ANOMALIES):
        found = final(topic, _latest(erased.line, topic))
        assert _with_rows(found) == _with_rows(replayed(erased.without, topic)), topic.name


def test_an_alert_about_the_person_is_taken_back(erased: Erased) -> None:
    """An alert is told once more, as retracted, to whom it was told before."""
    about = [row for row in erased.line.records(ANOMALIES) if row["key"] == str(erased.people[0])]
    assert {row["rule"] for row in about} >= {"masquerade_burst"}
    episodes = {row["episode"]: row for row in sorted(about, key=lambda row: row["version"])}
    assert {row["status"] for row in episodes.values()} == {"retracted"}


def test_no_table_tells_of_the_people(erased: Erased) -> None:
    """Every column of every table and view is searched, whatever the tables say of themselves."""
    stores = {"web_logs", "live_events", "sessions", "request_stats", "anomalies"}
    assert {name.partition(".")[0].removesuffix("_store") for name in erased.told_of} >= stores
    for person in erased.people:
        assert not any(_rows(erased.line, person).values())
    assert _told_of(erased.line, erased.people) == set()


def test_the_erasures_are_on_their_topic_and_again_they_change_nothing(erased: Erased) -> None:
    again = erase(erased.people[0], settings=erased.line.settings)
    assert not any(again.before.values())
    records = erased.line.records(ERASURES)
    wanted = {("person", str(person)) for person in erased.people}
    assert {(row["kind"], row["subject"]) for row in records} == wanted


def _rows(line: Line, person: int) -> dict[str, int]:
    with client_of(line.settings.clickhouse()) as client:
        return rows_of(client, (person,))


def _told_of(line: Line, people: Iterable[int]) -> set[str]:
    """Return the columns of tables and views that hold an id of theirs, alone or in a text."""
    ids = re.compile(rf"(?<![0-9])(?:{'|'.join(map(str, people))})(?![0-9])")
    found = set()
    tables = _asked(line, "SELECT name FROM system.tables WHERE database = currentDatabase()")
    for table in (row["name"] for row in tables):
        if table.startswith(KEPT):
            continue
        for row in _asked(line, f"SELECT * FROM `{table}`"):  # noqa: S608 - ours
            passed_over = OF_OTHERS.union(OF_BODIES.get(row.get("dimension"), ()))
            held = {name: json.dumps(value) for name, value in row.items()}
            found |= {
                f"{table}.{name}"
                for name, text in held.items()
                if name not in passed_over and ids.search(text)
            }
    return found


def _asked(line: Line, statement: str) -> list[dict[str, Any]]:
    with client_of(line.settings.clickhouse()) as client:
        answer = client.raw_query(statement, fmt="JSONEachRow")
    return [json.loads(row) for row in answer.splitlines()]


def _latest(line: Line, topic: Topic) -> list[dict[str, Any]]:
    identity = {
        SESSIONS: ("session_id", "start"),
        REQUEST_STATS: ("feed", "minute", "dimension", "key"),
        ANOMALIES: ("episode",),
    }[topic]
    latest: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in sorted(line.records(topic), key=lambda row: row["version"]):
        latest[tuple(row[name] for name in identity)] = row
    return list(latest.values())


def _with_rows(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out statistics of nothing: they cannot be withdrawn, only emptied."""
    return [row for row in records if row.get("rows", 1)]


def _lines(path: Path) -> list[str]:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode().splitlines()


def _people(line: str) -> set[int]:
    try:
        document = json.loads(line)
        held = document.get("value") or document["metadata"]
        home = int(held.get("root_account_id", 0)) // SHARD
        ids = (int(held.get(name) or 0) for name in ("user_id", "real_user_id"))
        return {number % SHARD if number // SHARD == home else number for number in ids} - {0}
    except (ValueError, KeyError, TypeError, AttributeError):
        return set()


def _people_of_the_attack(files: Path) -> tuple[int, int]:
    """Return who acted as others, and who of these has most rows."""
    attack = json.loads((files / "labels.json").read_text())["attacks"][0]
    actor = int(attack["keys"][0]["key"])
    rows: Counter[int] = Counter()
    targets: set[int] = set()
    for path in (files / "web_logs").iterdir():
        for people in map(_people, _lines(path)):
            rows.update(people)
            if actor in people:
                targets |= people - {actor}
    return actor, max(targets, key=lambda person: rows[person])


def _copy(files: Path, whole: Path, without: Path, people: Iterable[int]) -> None:
    for feed in ("web_logs", "live_events"):
        for directory in (whole, without):
            (directory / feed).mkdir(parents=True)
        for path in sorted((files / feed).iterdir()):
            kept = [line for line in _lines(path) if '"D"' not in line]
            others = [line for line in kept if _people(line).isdisjoint(people)]
            name = path.name.removesuffix(".gz")
            for directory, lines in ((whole, kept), (without, others)):
                if lines:
                    (directory / feed / name).write_text("\n".join(lines) + "\n")
