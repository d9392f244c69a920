"""A queue of Live Events behind the wire of SQS: moto's server, on a free port.

Canvas puts one event into a message, its name beside it as an attribute.
"""

import io
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from botocore.session import get_session
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import run_wsgi_app

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"}
REGION = "us-east-1"
_BATCH = 10


class SqsServer:
    """Queues of one server, as Canvas and as an administrator see them."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._client: Any = get_session().create_client(
            "sqs",
            region_name=REGION,
            endpoint_url=endpoint,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def create(self, name: str) -> str:
        """Create a queue; return its address."""
        queue: str = self._client.create_queue(QueueName=f"canvas-live-events-{name}")["QueueUrl"]
        return queue

    def remove(self, queue: str) -> None:
        """Delete a queue with all that is on it."""
        self._client.delete_queue(QueueUrl=queue)

    def put(self, queue: str, bodies: Sequence[str], name: str | None = None) -> None:
        """Put events on a queue as Canvas does; ``name`` is for bodies that have none inside."""
        for start in range(0, len(bodies), _BATCH):
            entries = [
                {"Id": str(n), "MessageBody": body, "MessageAttributes": _attributes(body, name)}
                for n, body in enumerate(bodies[start : start + _BATCH])
            ]
            answer = self._client.send_message_batch(QueueUrl=queue, Entries=entries)
            assert len(answer["Successful"]) == len(entries), answer

    def left(self, queue: str) -> tuple[int, int]:
        """Return how many messages wait, and how many are received and not deleted."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        found = self._client.get_queue_attributes(QueueUrl=queue, AttributeNames=list(names))
        waiting, in_flight = (int(found["Attributes"][name]) for name in names)
        return waiting, in_flight


def _attributes(body: str, name: str | None) -> dict[str, Any]:
    if name is None:
        try:
            name = json.loads(body)["metadata"]["event_name"]
        except (ValueError, LookupError, TypeError):
            name = "unknown"
    return {"event_name": {"DataType": "String", "StringValue": name}}


class _OneAtATime:
    """moto's application, whose queues are not safe to use from several threads at once.

    A long poll asks again and again in its place, so that it does not hold up the others.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application
        self._lock = threading.Lock()

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        body, wait_s = None, 0.0
        if environ.get("HTTP_X_AMZ_TARGET") == "AmazonSQS.ReceiveMessage":
            asked = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            wait_s = asked.get("WaitTimeSeconds", 0)
            body = json.dumps(asked | {"WaitTimeSeconds": 0}).encode()
        deadline = time.monotonic() + wait_s
        while True:
            request = environ if body is None else _with_body(environ, body)
            with self._lock:
                chunks, status, headers = run_wsgi_app(self._application, request, buffered=True)
            answer = list(chunks)
            if b'"Messages"' in b"".join(answer) or time.monotonic() >= deadline:
                start_response(status, list(headers))
                return answer
            time.sleep(0.02)


def _with_body(environ: dict[str, Any], body: bytes) -> dict[str, Any]:
    return environ | {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}


class _Handler(WSGIRequestHandler):
    """Answers quietly, and without a Server header: moto's answers have one, two are refused."""

    def send_header(self, keyword: str, value: str) -> None:
        if keyword != "Server" or value != self.version_string():
            super().send_header(keyword, value)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        del code, size


@contextmanager
def sqs_server() -> Iterator[SqsServer]:
    """Serve queues in this process, over the wire."""
    server = make_server(
        "127.0.0.1",
        0,
        _OneAtATime(DomainDispatcherApplication(create_backend_app)),
        threaded=True,
        request_handler=_Handler,
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield SqsServer(f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
