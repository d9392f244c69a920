"""DAP as far as its client can tell: the documented wire over a table in memory.

Jobs of equal questions are one job; a job's objects are in another order each time it is made;
addresses of objects hold once and want no token; a window leaves out what was touched after it.
"""

import asyncio
import json
import random
import threading
import uuid
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import jwt
from aiohttp import BasicAuth, web

from tests.support.canvas.dap_formats import Document, exported
from tests.support.canvas.dap_schema import SCHEMA

CLIENT_ID = "us-east-1#6f3a"
CLIENT_SECRET = "a secret of the test"
ROWS_PER_OBJECT = 7


@dataclass(slots=True)
class Fault:
    """What one request gets instead of its answer.

    ``drop`` closes the connection; ``keep`` sends so many bytes of the right answer as if they
    were all of it.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    keep: int | None = None


@dataclass(slots=True)
class Job:
    """A question and the objects that answer it."""

    question: str
    since: datetime | None
    until: datetime
    objects: dict[str, bytes]
    expires_at: datetime
    polls: int
    failed: dict[str, str] | None = None

    @property
    def usable(self) -> bool:
        return self.failed is None and self.expires_at > datetime.now(UTC)


class DapServer:
    """One table. ``commit`` changes it; ``faults`` come to requests whose path holds their key."""

    def __init__(self, seed: int = 0, *, port: int = 0) -> None:
        self.rows: dict[str, tuple[datetime, Document]] = {}
        self.now = datetime(2026, 2, 15, 8, tzinfo=UTC)
        self.earliest = datetime(2026, 1, 16, tzinfo=UTC)
        self.schema: dict[str, Any] = json.loads(json.dumps(SCHEMA))
        self.schema_version = 1
        self.polls = 1
        self.job_life = timedelta(hours=24)
        self.rows_per_object = ROWS_PER_OBJECT
        self.copies = 0
        """So many rows of an answer are in it twice."""
        self.faults: dict[str, deque[Fault]] = {}
        self.failing_jobs: deque[dict[str, str]] = deque()
        self.requests: Counter[str] = Counter()
        self.misplaced_tokens = 0
        self.most_at_once = 0
        self._at_once = 0
        self._random = random.Random(seed)
        self.jobs: dict[str, Job] = {}
        self.addresses: dict[str, bytes] = {}
        self._port = port
        self._runner: web.AppRunner | None = None
        self.url = ""

    def commit(self, documents: list[Document], at: datetime | None = None) -> None:
        """Write rows or deletes; of one id the last one counts."""
        moment = at or self.now - timedelta(hours=1)
        stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for document in documents:
            meta = {"action": "U", **document.get("meta", {}), "ts": stamp}
            self.rows[document["key"]["id"]] = (moment, {**document, "meta": meta})

    def fail(self, path: str, *faults: Fault) -> None:
        """Answer the next requests to a path with faults."""
        self.faults.setdefault(path, deque()).extend(faults)

    def forget_jobs(self) -> None:
        """Let a day pass for the jobs and their objects."""
        self.jobs.clear()
        self.addresses.clear()

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._faulty])
        app.add_routes(
            [
                web.post("/ids/auth/login", self._login),
                web.post("/dap/query/canvas_logs/table/web_logs/data", self._query),
                web.get("/dap/query/canvas_logs/table/web_logs/schema", self._schema),
                web.get("/dap/job/{id}", self._job),
                web.post("/dap/object/url", self._object_urls),
                web.get("/signed/{token}", self._download),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @web.middleware
    async def _faulty(self, request: web.Request, handler: Any) -> web.StreamResponse:
        path = request.path
        self.requests[path.split("/")[-1] if "signed" not in path else "signed"] += 1
        fault = next(
            (queue.popleft() for part, queue in self.faults.items() if part in path and queue), None
        )
        if fault is None:
            return await handler(request)
        if fault.drop:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if fault.keep is not None:
            answer = await handler(request)
            return web.Response(body=answer.body[: fault.keep])
        return web.json_response(fault.body, status=fault.status, headers=fault.headers)

    async def _login(self, request: web.Request) -> web.Response:
        given = BasicAuth.decode(request.headers["Authorization"])
        if (given.login, given.password) != (CLIENT_ID, CLIENT_SECRET):
            return _error(401, "InvalidCredentials")
        expires = datetime.now(UTC) + timedelta(hours=1)
        token = jwt.encode({"exp": int(expires.timestamp())}, "k" * 32, algorithm="HS256")
        return web.json_response(
            {"access_token": token, "expires_in": 3600, "scope": "dap", "token_type": "bearer"}
        )

    async def _query(self, request: web.Request) -> web.Response:
        asked = await request.json()
        since = _moment(asked.get("since"))
        if since is not None and since < self.earliest:
            return _error(400, "OutOfRange", since=_iso(self.earliest), until=_iso(self.now))
        question = json.dumps(asked, sort_keys=True)
        usable = (i for i, job in self.jobs.items() if job.question == question and job.usable)
        known = next(usable, None)
        if known is None:
            known = self._new_job(question, asked, since)
        return self._told(known)

    def _new_job(self, question: str, asked: dict[str, Any], since: datetime | None) -> str:
        until = _moment(asked.get("until"))
        found = [
            document
            for moment, document in self.rows.values()
            if (since is None or since <= moment) and moment < (until or self.now)
        ]
        found += found[: self.copies]
        self._random.shuffle(found)
        name = uuid.UUID(int=self._random.getrandbits(128)).hex
        objects = {
            f"{name}/part-{start:05}": exported(
                found[start : start + self.rows_per_object], asked["format"]
            )
            for start in range(0, len(found), self.rows_per_object)
        }
        self.jobs[name] = Job(
            question=question,
            since=since,
            until=until or self.now,
            objects=objects,
            expires_at=datetime.now(UTC) + self.job_life,
            polls=self.polls,
            failed=self.failing_jobs.popleft() if self.failing_jobs else None,
        )
        return name

    def _told(self, name: str) -> web.Response:
        job = self.jobs[name]
        told: dict[str, Any] = {"id": name, "expires_at": _iso(job.expires_at)}
        if job.polls:
            job.polls -= 1
            return web.json_response({**told, "status": "running"}, status=202)
        if job.failed is not None:
            return web.json_response({**told, "status": "failed", "error": job.failed})
        told |= {"status": "complete", "schema_version": self.schema_version}
        told["objects"] = [{"id": each} for each in job.objects]
        if job.since is None:
            return web.json_response({**told, "at": _iso(job.until)})
        return web.json_response({**told, "since": _iso(job.since), "until": _iso(job.until)})

    async def _job(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        if name not in self.jobs:
            return _error(404, "NotFound", id=name, kind="job")
        return self._told(name)

    async def _schema(self, _: web.Request) -> web.Response:
        return web.json_response({"schema": self.schema, "version": self.schema_version})

    async def _object_urls(self, request: web.Request) -> web.Response:
        urls = {}
        for each in await request.json():
            name = each["id"]
            job = self.jobs.get(name.partition("/")[0])
            if job is None:
                return _error(404, "NotFound", id=name, kind="object")
            token = uuid.uuid4().hex
            self.addresses[token] = job.objects[name]
            urls[name] = {"url": f"{self.url}/signed/{token}?X-Amz-Signature=s3cr3t"}
        return web.json_response({"urls": urls})

    async def _download(self, request: web.Request) -> web.StreamResponse:
        if "Authorization" in request.headers:
            self.misplaced_tokens += 1
        content = self.addresses.pop(request.match_info["token"], None)
        if content is None:
            return web.Response(status=403, text="expired")
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await asyncio.sleep(0)
            return web.Response(body=content)
        finally:
            self._at_once -= 1


@contextmanager
def served_in_a_thread(server: DapServer) -> Iterator[DapServer]:
    """Serve beside a test that runs processes and has no loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def _error(status: int, named: str, **more: Any) -> web.Response:
    body = {"type": named, "uuid": str(uuid.uuid4()), "message": "", **more}
    return web.json_response({"error": body}, status=status)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
