"""Forgetting a person on the real stack: as if they had never been there."""

import gzip
import json
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline.app.commands.erase import erase
from pipeline.codecs.canonical import SHARD
from pipeline.domain.topics import ERASURES, REQUEST_STATS, SESSIONS, Topic
from pipeline.sink.client import open_client
from pipeline.sink.people import rows_of
from tests.support.clickhouse_http import ask
from tests.support.line import Line, final, replay, replayed, simulated
from tests.support.stack import Stack

pytestmark = pytest.mark.stack

PATIENCE_S = 600.0
KEPT = ("erasures", "erased_", "dead_letters")
"""Tables that are to keep the id, or are not searched."""
OF_BODIES: dict[str | None, tuple[str, ...]] = {
    **dict.fromkeys(("grader", "grader_up", "mass_change"), ("members", "contributing_keys")),
    **dict.fromkeys(("graded_course", "quiz", "tool", "developer_key"), ("key",)),
}
"""What signals hold of bodies of others' rows, and keys that are numbers of something else."""


class Erased(NamedTuple):
    """A line that forgot somebody others had acted as, and a replay without their rows."""

    line: Line
    person: int
    without: Path


@pytest.fixture(scope="module")
def erased(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erased]:
    """A day's results, closed and final; then the erasure."""
    directory = tmp_path_factory.mktemp("erase")
    files = simulated(directory / "canvas", "--users", "60", "--hours", "4", "--seed", "7")
    whole, without = directory / "whole", directory / "without"
    person = _somebody(files)
    _copy(files, whole, without, person)
    name = uuid.uuid4().hex[:12]
    line = Line(stack, f"erase-{name}.", f"erase_{name}")
    line.create()
    for command, feed in (("web-logs-files", "web_logs"), ("live-events-files", "live_events")):
        done = line.command("ingest", command, str(whole / feed))
        assert done.returncode == 0, done.stderr
    line.start("sessionize", "detect", "sink")
    try:
        line.caught_up(close=True, within_s=PATIENCE_S)
        assert any(_rows(line, person).values())
        assert {"web_logs_store.user_id", "sessions.actor"} <= _told_of(line, person)
        erase(person, settings=line.settings)
        yield Erased(line, person, replay(without, directory / "result"))
    finally:
        line.stop()
        ask(stack.clickhouse_address, f"DROP DATABASE {line.settings.clickhouse_database}")


def test_final_results_are_those_of_a_line_that_never_saw_the_person(erased: Erased) -> None:
    erased.line.caught_up(within_s=PATIENCE_S)
    for topic in (SESSIONS, REQUEST_STATS):
        found = final(topic, _latest(erased.line, topic))
        assert _with_rows(found) == _with_rows(replayed(erased.without, topic)), topic.name


def test_no_table_has_a_row_of_the_person(erased: Erased) -> None:
    assert not any(_rows(erased.line, erased.person).values())
    assert _told_of(erased.line, erased.person) == set()


def test_the_erasure_is_on_its_topic_and_again_it_changes_nothing(erased: Erased) -> None:
    again = erase(erased.person, settings=erased.line.settings)
    assert not any(again.before.values())
    records = erased.line.records(ERASURES)
    assert {(row["kind"], row["subject"]) for row in records} == {("person", str(erased.person))}


def _rows(line: Line, person: int) -> dict[str, int]:
    client = open_client(line.settings.clickhouse())
    try:
        return rows_of(client, (person,))
    finally:
        client.close()


def _told_of(line: Line, person: int) -> set[str]:
    """Return the columns of tables and views, said to be personal, that hold the person's id."""
    found = set()
    with closing(open_client(line.settings.clickhouse())) as client:
        columns = client.query(
            "SELECT table, groupArray(name) FROM system.columns WHERE database = currentDatabase()"
            " AND startsWith(comment, 'Personal data') GROUP BY table"
        )
        for table, names in columns.result_rows:
            if table.startswith(KEPT):
                continue
            for row in client.query(f"SELECT * FROM {table}").named_results():  # noqa: S608 - ours
                of_bodies = OF_BODIES.get(row.get("dimension"), ())
                held = (name for name in names if name not in of_bodies)
                found |= {f"{table}.{name}" for name in held if str(person) in _ids(row[name])}
    return found


def _ids(value: Any) -> set[str]:
    """Return the ids a value consists of: itself, its items, the parts of a key."""
    if isinstance(value, list):
        return set().union(*map(_ids, value))
    return set(str(value).split("#"))


def _latest(line: Line, topic: Topic) -> list[dict[str, Any]]:
    identity = {
        SESSIONS: ("session_id", "start"),
        REQUEST_STATS: ("feed", "minute", "dimension", "key"),
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


def _somebody(files: Path) -> int:
    """Return the user of most rows among those that somebody else acted as."""
    rows: Counter[int] = Counter()
    targets: set[int] = set()
    for path in (files / "web_logs").iterdir():
        for people in map(_people, _lines(path)):
            rows.update(people)
            if len(people) > 1:
                targets |= people
    return max(targets, key=lambda person: rows[person])


def _copy(files: Path, whole: Path, without: Path, person: int) -> None:
    for feed in ("web_logs", "live_events"):
        for directory in (whole, without):
            (directory / feed).mkdir(parents=True)
        for path in sorted((files / feed).iterdir()):
            kept = [line for line in _lines(path) if '"D"' not in line]
            others = [line for line in kept if person not in _people(line)]
            name = path.name.removesuffix(".gz")
            for directory, lines in ((whole, kept), (without, others)):
                if lines:
                    (directory / feed / name).write_text("\n".join(lines) + "\n")
