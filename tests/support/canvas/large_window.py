"""A DAP window of millions of rows, as files of packed JSON lines that are made once."""

import gzip
import os
from datetime import UTC, datetime, timedelta
from math import gcd
from pathlib import Path
from typing import Any, Final

import polars as pl
from aiohttp import web

from tests.support.canvas.dap_server import DapServer, Job

WINDOW: Final = timedelta(hours=4)
_ROWS_A_SESSION: Final = 44
_LINE: Final = (
    '{"meta":{"action":"U","ts":"%s"},"key":{"id":"%s"},"value":{"timestamp":"%s","user_id":%d,'
    '"course_id":%d,"url":"%s","http_method":"GET","http_status":200,"http_version":"HTTP/1.1",'
    '"remote_ip":"10.%d.%d.7","interaction_micros":%d,"web_application_controller":'
    '"context_modules","web_application_action":"index","web_application_context_type":"Course",'
    '"web_application_context_id":%d,"session_id":"%032x","participated":false,'
    '"user_agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0 Safari"}}\n'
)


class LargeWindow(DapServer):
    """One window of ``count`` rows in no order, in objects of ``per_object`` rows."""

    def __init__(self, directory: Path, count: int, per_object: int) -> None:
        super().__init__()
        self.polls = 0
        self.count = count
        self._per_object = per_object
        self._directory = directory
        self._begin = self.now - WINDOW
        self._step_us = WINDOW // timedelta(microseconds=1) / count
        # Every row once, neighbours in time far apart.
        self._stride = next(
            n for n in range(int(count * 0.618) | 1, 3 * count) if gcd(n, count) < 2
        )

    @property
    def objects(self) -> int:
        """How many objects the window has."""
        return -(-self.count // self._per_object)

    def write(self) -> int:
        """Write the objects; return their bytes."""
        size = 0
        for number in range(self.objects):
            places = range(
                number * self._per_object, min((number + 1) * self._per_object, self.count)
            )
            lines = "".join(self._line(place * self._stride % self.count) for place in places)
            size += self._path(number).write_bytes(gzip.compress(lines.encode(), 1))
        return size

    def source(self) -> pl.DataFrame:
        """What the topic should hold, by id."""
        numbers = range(self.count)
        return pl.DataFrame(
            {
                "id": [_id(number) for number in numbers],
                "timestamp": [self._micros(number) for number in numbers],
                "user_id": [_user(number) for number in numbers],
                "url": [_url(number) for number in numbers],
            },
            schema_overrides={"timestamp": pl.Int64, "user_id": pl.Int64},
        ).sort("id")

    def _line(self, number: int) -> str:
        committed = self.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        when = datetime.fromtimestamp(self._micros(number) // 1000 / 1000, UTC)
        at = when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        user, course = _user(number), number % 997
        return _LINE % (
            *(committed, _id(number), at, user, course, _url(number)),
            *(user % 251, number % 241, number % 900_007, course, _session(number)),
        )

    def _micros(self, number: int) -> int:
        begin = int(self._begin.timestamp()) * 1_000_000
        return begin + int(number * self._step_us) // 1000 * 1000

    def _path(self, number: int) -> Path:
        return self._directory / f"part-{number:05}"

    def _new_job(self, question: str, asked: dict[str, Any], since: datetime | None) -> str:
        assert asked["format"] == "jsonl"
        name = f"window-{len(self.jobs)}"
        paths = {f"{name}/{number:05}": self._path(number) for number in range(self.objects)}
        self.jobs[name] = Job(
            question=question,
            since=since,
            until=self.now,
            objects={each: os.fsencode(path) for each, path in paths.items()},
            expires_at=datetime.now(UTC) + self.job_life,
            polls=self.polls,
        )
        return name

    async def _download(self, request: web.Request) -> web.StreamResponse:
        path = self.addresses.pop(request.match_info["token"])
        return web.FileResponse(Path(os.fsdecode(path)))


def _user(number: int) -> int:
    return 1 + _session(number) % 40_009


def _session(number: int) -> int:
    # Rows of a session lie close together in time: a session is a minute's.
    return number // (_ROWS_A_SESSION * 400) * 400 + number % 400


def _url(number: int) -> str:
    return f"/courses/{number % 997}/modules/items/{number % 100_003}"


def _id(number: int) -> str:
    return f"{number * 0x9E3779B1 & 0xFFFFFFFF:08x}-0000-4000-8000-{number:012x}"
