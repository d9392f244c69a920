"""A schema registry that speaks the part of Confluent's REST API that the pipeline uses.

https://docs.confluent.io/platform/current/schema-registry/develop/api.html
"""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote


class RegistryServer(ThreadingHTTPServer):
    """Keeps schemas in memory; a schema has one id whatever its subjects.

    ``credentials`` asks for basic auth; ``failures`` answers are 503 before it works.
    """

    daemon_threads = True

    def __init__(self, credentials: tuple[str, str] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ids: dict[str, int] = {}
        self.subjects: dict[str, list[int]] = {}
        self.credentials = credentials
        self.failures = 0
        self.requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if found := re.fullmatch(r"/schemas/ids/(\d+)", path):
            return self._by_id(int(found[1]))
        if found := re.fullmatch(r"/subjects/([^/]+)/versions", path):
            return self._register(unquote(found[1]), body["schema"])
        if method == "POST" and (found := re.fullmatch(r"/subjects/([^/]+)", path)):
            return self._find(unquote(found[1]), body["schema"])
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def _by_id(self, number: int) -> tuple[int, dict[str, Any]]:
        for schema, known in self.ids.items():
            if known == number:
                return 200, {"schema": schema}
        return 404, {"error_code": 40403, "message": f"Schema {number} not found"}

    def _register(self, subject: str, schema: str) -> tuple[int, dict[str, Any]]:
        if json.loads(schema).get("type") != "record":
            return 422, {"error_code": 42201, "message": "Invalid Avro schema"}
        number = self.ids.setdefault(schema, 1000 + len(self.ids))
        versions = self.subjects.setdefault(subject, [])
        if number not in versions:
            versions.append(number)
        return 200, {"id": number}

    def _find(self, subject: str, schema: str) -> tuple[int, dict[str, Any]]:
        if subject not in self.subjects:
            return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        number = self.ids.get(schema)
        if number not in self.subjects[subject]:
            return 404, {"error_code": 40403, "message": "Schema not found"}
        version = self.subjects[subject].index(number) + 1
        return 200, {"subject": subject, "id": number, "version": version, "schema": schema}


class _Handler(BaseHTTPRequestHandler):
    server: RegistryServer

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - overridden
        """Stay silent."""

    def _serve(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        self.server.requests += 1
        status, answer = self._refusal() or self.server.answer(method, self.path, body)
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _refusal(self) -> tuple[int, dict[str, Any]] | None:
        if self.server.failures > 0:
            self.server.failures -= 1
            return 503, {"error_code": 50301, "message": "starting"}
        if self.server.credentials is not None:
            pair = ":".join(self.server.credentials).encode()
            if self.headers.get("Authorization") != "Basic " + base64.b64encode(pair).decode():
                return 401, {"error_code": 401, "message": "Unauthorized"}
        return None


@contextmanager
def registry_server(credentials: tuple[str, str] | None = None) -> Iterator[RegistryServer]:
    """Serve on a free port of the loopback."""
    with RegistryServer(credentials) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
