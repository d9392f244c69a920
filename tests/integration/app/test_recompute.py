"""Late rows on the real stack: mended by recompute, once (rule 28)."""

import asyncio
import gzip
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline.app.commands.recompute import Order, recompute
from pipeline.app.commands.replay import readable
from pipeline.app.topic_frames import topic_frame
from pipeline.app.wiring import schemas
from pipeline.codecs.flat_schema import dtypes
from pipeline.domain.topics import ANOMALIES, LATE, REQUEST_STATS, SESSIONS, Topic
from pipeline.sink.client import client_of
from pipeline.sink.queries import query
from pipeline.sink.recorded import Recorded
from pipeline.sink.selections import EVERYTHING
from tests.support.clickhouse_http import ask
from tests.support.line import Line, final, replay, replayed, simulated
from tests.support.stack import Stack

pytestmark = pytest.mark.stack

MENDED = (SESSIONS, REQUEST_STATS, ANOMALIES)
LATE_FROM, LATE_UNTIL = "03:30", "05:20"
"""Rows between these times come late, whichever feed they are of: an activity day begins in
between, one attack lies inside and one goes on after it."""

PATIENCE_S = 900.0
ALL_LATE = Order(late_since="2020-01-01")
EVER = (0, 1 << 52)


class Mended(NamedTuple):
    """A line to which an hour came late, and what a replay makes of the whole day."""

    line: Line
    whole: Path


@pytest.fixture(scope="module")
def mended(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mended]:
    """A day without the rows of one hour, closed; then those rows; then recompute."""
    directory = tmp_path_factory.mktemp("late")
    files = simulated(directory / "canvas", "--users", "120", "--hours", "8", "--seed", "5")
    whole, early, late = (directory / name for name in ("whole", "early", "late"))
    _divide(files, whole, early, late)
    name = uuid.uuid4().hex[:12]
    line = Line(stack, f"late-{name}.", f"late_{name}")
    line.create()
    _ingest(line, early)
    line.start("sessionize", "detect", "sink")
    try:
        line.caught_up(close=True, within_s=PATIENCE_S)
        _ingest(line, late, "--late-ok")
        line.caught_up(within_s=PATIENCE_S)
        yield Mended(line, replay(whole, directory / "result"))
    finally:
        line.stop()
        ask(stack.clickhouse_address, f"DROP DATABASE {line.settings.clickhouse_database}")


def test_recompute_makes_a_line_with_late_rows_equal_to_a_replay_that_had_them_in_time(
    mended: Mended,
) -> None:
    line = mended.line
    late = line.records(LATE)
    assert {row["reason"] for row in late} == {"late"}
    assert _latest(line, SESSIONS) != replayed(mended.whole, SESSIONS)
    counted = _ask(line, "SELECT feed, reason, sum(rows) FROM late_by_reason GROUP BY ALL")
    assert sum(rows for _, _, rows in counted) == len({row["event_key"] for row in late})

    before = _ends(line)
    dry = line.command("recompute", "--late-since", "2020-01-01", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "would be revised" in dry.stdout
    assert _ends(line) == before
    outcome = recompute(ALL_LATE, line.settings)
    assert all(sum(counts.values()) for counts in outcome.counts.values())
    line.caught_up(within_s=PATIENCE_S)
    for topic in MENDED:
        assert _latest(line, topic) == replayed(mended.whole, topic), topic.name
        assert _stored(line, topic) == replayed(mended.whole, topic), topic.name


def test_recompute_again_publishes_nothing_whatever_it_is_asked(mended: Mended) -> None:
    line = mended.line
    recompute(ALL_LATE, line.settings)
    line.caught_up(within_s=PATIENCE_S)
    before = _ends(line)
    start = min(str(row["event_time"]) for row in line.records(LATE))
    session = str(_records(line, SESSIONS)[0]["session_id"])
    for order in (ALL_LATE, Order(since=start), Order(session=session)):
        outcome = recompute(order, line.settings)
        assert outcome.rows > 0
        assert all(
            not counts["revised"] + counts["new"] + counts["gone"]
            for counts in outcome.counts.values()
        ), outcome.counts
    assert _ends(line) == before


def test_stages_restart_over_records_of_recompute(mended: Mended) -> None:
    line = mended.line
    recompute(ALL_LATE, line.settings)
    for stage in ("sessionize", "detect"):
        line.kill(stage)
        line.start(stage)
    line.caught_up(within_s=PATIENCE_S)


def _divide(files: Path, whole: Path, early: Path, late: Path) -> None:
    """Copy both feeds without erasures; share their lines out between early and late."""
    for feed in ("web_logs", "live_events"):
        for directory in (whole, early, late):
            (directory / feed).mkdir(parents=True)
        for path in sorted((files / feed).iterdir()):
            data = path.read_bytes()
            lines = (gzip.decompress(data) if path.suffix == ".gz" else data).decode().splitlines()
            kept = [
                line for line in lines if '"action": "D"' not in line and '"action":"D"' not in line
            ]
            parts = {
                whole: kept,
                early: [line for line in kept if not _is_late(feed, line)],
                late: [line for line in kept if _is_late(feed, line)],
            }
            for directory, part in parts.items():
                name = path.name.removesuffix(".gz")
                if part:
                    (directory / feed / name).write_text("\n".join(part) + "\n")


def _is_late(feed: str, line: str) -> bool:
    try:
        document = json.loads(line)
        text = (
            document["value"]["timestamp"]
            if feed == "web_logs"
            else document["metadata"]["event_time"]
        )
    except (ValueError, KeyError, TypeError):
        return False
    return LATE_FROM <= str(text)[11:16] < LATE_UNTIL


def _ingest(line: Line, directory: Path, *arguments: str) -> None:
    for command, feed in (("web-logs-files", "web_logs"), ("live-events-files", "live_events")):
        done = line.command("ingest", command, str(directory / feed), *arguments)
        assert done.returncode == 0, done.stderr


def _records(line: Line, topic: Topic) -> list[dict[str, Any]]:
    """Return the records of a topic that no later version replaces."""
    identity = {
        SESSIONS: ("session_id", "start"),
        REQUEST_STATS: ("feed", "minute", "dimension", "key"),
        ANOMALIES: ("fingerprint", "episode"),
    }[topic]
    latest: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in sorted(line.records(topic), key=lambda row: row["version"]):
        latest[tuple(row[name] for name in identity)] = row
    return list(latest.values())


def _latest(line: Line, topic: Topic) -> list[dict[str, Any]]:
    return final(topic, _records(line, topic))


def _stored(line: Line, topic: Topic) -> list[dict[str, Any]]:
    """Return what ClickHouse holds, in the words of a replay."""
    known = schemas(line.settings)
    with client_of(line.settings.clickhouse()) as client:
        recorded = Recorded(client, known)
        frame = {
            SESSIONS: lambda: recorded.sessions(*EVER, EVERYTHING),
            REQUEST_STATS: lambda: recorded.stats(*EVER, EVERYTHING),
            ANOMALIES: lambda: recorded.anomalies(*EVER),
        }[topic]()
    fields = known.named(topic.schema)["fields"]
    return final(topic, frame.with_columns(*readable(fields)).to_dicts())


def _ends(line: Line) -> dict[str, int]:
    known = schemas(line.settings)
    counts = {}
    for topic in MENDED:
        column = next(iter(dtypes(known.named(topic.schema))))
        counts[topic.name] = asyncio.run(topic_frame(line.settings, known, topic, [column])).height
    return counts


def _ask(line: Line, statement: str) -> list[tuple[Any, ...]]:
    with client_of(line.settings.clickhouse()) as client:
        return query(client, statement).rows
