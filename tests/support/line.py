"""The whole line on the real stack, for tests: its processes, its results, its replay."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pipeline.app.catching_up import close_event_time, wait_until_caught_up
from pipeline.app.commands.replay import FILES, readable
from pipeline.app.commands.tables import migrate
from pipeline.app.commands.topics import create
from pipeline.app.settings import PREFIX, Settings
from pipeline.app.stages import STAGES
from pipeline.app.topic_frames import topic_frame
from pipeline.app.wiring import schemas
from pipeline.domain.exit_codes import ExitCode
from pipeline.domain.topics import ANOMALIES, DEAD_LETTERS, LATE, REQUEST_STATS, SESSIONS, Topic
from tests.support.stack import Stack

PARTITIONS = 4

AGAIN = frozenset({ExitCode.UNAVAILABLE, ExitCode.FENCED, ExitCode.STOP_LIMIT, ExitCode.HUNG})
"""How a stage leaves for a reason of the moment: a supervisor starts it again."""


class Line:
    """Topics, tables and stage processes of one test."""

    def __init__(self, stack: Stack, prefix: str, database: str, **more: str) -> None:
        host, port, user, password = stack.clickhouse_address
        self.variables = {
            "kafka_bootstrap": stack.bootstrap_servers,
            "topic_prefix": prefix,
            "partitions": str(PARTITIONS),
            "replication_factor": "1",
            "clickhouse_host": host,
            "clickhouse_port": str(port),
            "clickhouse_username": user,
            "clickhouse_password": password,
            "clickhouse_database": database,
            "keep_raw_days": "0",
            "keep_results_days": "0",
            "session_timeout_s": "6",
            # Where a test means silence, it says so: machines that stand still are no idle feeds.
            "live_events_idle_minutes": "100000",
            "web_logs_idle_minutes": "100000",
            "course_audit_idle_minutes": "100000",
            "commit_interval_ms": "100",
            "log_level": "warning",
            **more,
        }
        feeds = {"feeds": json.loads(more["feeds"])} if "feeds" in more else {}
        self.settings = Settings.model_validate(self.variables | feeds)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: dict[str, Path] = {}

    @property
    def environment(self) -> dict[str, str]:
        """What a process of this line needs."""
        names = {f"{PREFIX}{name.upper()}": value for name, value in self.variables.items()}
        return {**os.environ, **names}

    def create(self) -> None:
        """Create topics and tables."""
        create(self.settings, quiet=True)
        migrate(self.settings, quiet=True)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the pipeline to its end."""
        return subprocess.run(
            [sys.executable, "-m", "pipeline", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=1500,
            check=False,
        )

    def start(self, *stages: str, log: Path | None = None) -> None:
        """Start stages, a process each; static membership lets a restarted one rejoin at once.

        With ``log``, what they write to their outputs is appended to that file.
        """
        for stage in stages:
            if log:
                self._logs[stage] = log
            environment = {**self.environment, f"{PREFIX}GROUP_INSTANCE_ID": "only"}
            with log.open("ab") if log else nullcontext() as output:
                self.processes[stage] = subprocess.Popen(
                    [sys.executable, "-m", "pipeline", "run", stage],
                    env=environment,
                    stdout=output,
                    stderr=output,
                )

    def kill(self, stage: str) -> None:
        """End a stage as a crash does."""
        self.processes[stage].kill()
        self.processes.pop(stage).wait()

    def stop(self) -> dict[str, int]:
        """Ask the stages to leave; return their exit codes."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        codes = {stage: process.wait(120) for stage, process in self.processes.items()}
        self.processes.clear()
        return codes

    def caught_up(self, *, close: bool = False, within_s: float = 600) -> None:
        """Wait until every stage has read everything; then, if asked to, close the day."""

        async def wait() -> None:
            async with asyncio.timeout(within_s):
                await wait_until_caught_up(self.settings, STAGES, self.alive, _ignore)
                if close:
                    await close_event_time(self.settings)
                    await wait_until_caught_up(self.settings, STAGES, self.alive, _ignore)

        asyncio.run(wait())

    def records(self, topic: Topic) -> list[dict[str, Any]]:
        """Return everything a topic holds; times as a replay writes them."""
        known = schemas(self.settings)
        fields = known.named(topic.schema)["fields"]
        columns = [field["name"] for field in fields]
        frame = asyncio.run(topic_frame(self.settings, known, topic, columns))
        return frame.with_columns(*readable(fields)).to_dicts()

    def alive(self) -> None:
        """Start again what left for a reason of the moment, as a supervisor; fail for others."""
        for stage, process in list(self.processes.items()):
            if (code := process.poll()) is not None:
                assert code in AGAIN, f"{stage} ended with {code}"
                self.start(stage, log=self._logs.get(stage))


def final(topic: Topic, records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what rule 27 compares of a topic's records, in an order of its own."""
    return sorted(_FINAL[topic](records), key=lambda row: json.dumps(row, sort_keys=True))


def replayed(out: Path, topic: Topic) -> list[dict[str, Any]]:
    """Return what a replay wrote for a topic."""
    _, name = FILES[topic.name]
    return final(topic, map(json.loads, (out / name).read_text().splitlines()))


def _without(row: dict[str, Any]) -> dict[str, Any]:
    """Return a record without version and offsets."""
    return {
        name: value
        for name, value in row.items()
        if name not in {"version", "_offset"} and not name.endswith("_offset")
    }


def _final(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_without(row) for row in records if row["status"] == "final"]


def _anomalies(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for row in sorted(records, key=lambda row: row["version"]):
        last[row["fingerprint"], row["episode"]] = row
    names = ("rule", "dimension", "key", "window_start", "window_end")
    return [
        {name: row[name] for name in names} for row in last.values() if row["status"] != "retracted"
    ]


def _late(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in ("feed", "reason", "event_key")} for row in records]


def _dead(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    names = ("feed", "location", "reason", "detail", "payload_sha256")
    return [{name: row[name] for name in names} for row in records]


_FINAL = {
    SESSIONS: _final,
    REQUEST_STATS: _final,
    ANOMALIES: _anomalies,
    LATE: _late,
    DEAD_LETTERS: _dead,
}
RESULTS = tuple(_FINAL)
"""The topics whose final records two equal runs share."""


def simulated(directory: Path, *arguments: str) -> Path:
    """Simulate into a directory."""
    subprocess.run(
        [sys.executable, "-m", "pipeline", "simulate", "--out", str(directory), *arguments],
        check=True,
        timeout=600,
    )
    return directory


def replay(files: Path, out: Path) -> Path:
    """Replay the feeds of a simulated directory."""
    feeds = [
        argument
        for feed in ("web_logs", "live_events", "course_audit")
        if any((files / feed).glob("*"))
        for argument in (f"--{feed.replace('_', '-')}", str(files / feed))
    ]
    subprocess.run(
        [sys.executable, "-m", "pipeline", "replay", *feeds, "--out", str(out)],
        check=True,
        timeout=600,
    )
    return out


def _ignore(_stage: str, _behind: int) -> None:
    """Progress is of no interest here."""
