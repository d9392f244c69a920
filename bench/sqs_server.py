"""A queue that never ends, behind the wire of SQS: ``python -m bench.sqs_server PORT EVENTS``.

moto's server answers a few hundred requests a second, fewer than the agent asks; this one has its
answers ready. It gives messages as long as there are any, checks that what is deleted was given,
and tells its counts at ``/counts``. The protocol is AWS JSON 1.0, as aiobotocore speaks it.
"""

import asyncio
import json
import re
import sys
from typing import Any, Final

from aiohttp import web

PER_RECEIVE: Final = 10


class Queue:
    """Messages of one queue, each given once."""

    def __init__(self, bodies: list[tuple[str, str]]) -> None:
        self._bodies = bodies
        self._given = 0
        self._held: set[str] = set()
        self.deleted = 0

    async def receive(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the next ten messages, after the time asked for if there is none."""
        taken = self._bodies[self._given : self._given + PER_RECEIVE]
        if not taken:
            await asyncio.sleep(asked.get("WaitTimeSeconds", 0))
            return {}
        messages = []
        for number, (name, body) in enumerate(taken, start=self._given):
            attribute = {"StringValue": name, "DataType": "String"}
            messages.append(
                {
                    "MessageId": f"m-{number}",
                    "ReceiptHandle": f"r-{number}",
                    "MD5OfBody": "0" * 32,
                    "Body": body,
                    "MessageAttributes": {"event_name": attribute},
                }
            )
            self._held.add(f"r-{number}")
        self._given += len(taken)
        return {"Messages": messages}

    async def delete(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Forget messages that were given."""
        for entry in asked["Entries"]:
            self._held.remove(entry["ReceiptHandle"])
            self.deleted += 1
        return {"Successful": [{"Id": entry["Id"]} for entry in asked["Entries"]], "Failed": []}

    async def extend(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Do nothing: messages stay given."""
        return {"Successful": [{"Id": entry["Id"]} for entry in asked["Entries"]], "Failed": []}

    async def counts(self, _: web.Request) -> web.Response:
        """Say how far it is."""
        return web.json_response(
            {"given": self._given, "deleted": self.deleted, "of": len(self._bodies)}
        )

    async def answer(self, request: web.Request) -> web.Response:
        """Answer an operation."""
        operations = {
            "AmazonSQS.ReceiveMessage": self.receive,
            "AmazonSQS.DeleteMessageBatch": self.delete,
            "AmazonSQS.ChangeMessageVisibilityBatch": self.extend,
        }
        asked = json.loads(await request.read())
        result = await operations[request.headers["X-Amz-Target"]](asked)
        return web.Response(body=json.dumps(result), content_type="application/x-amz-json-1.0")


def _name(line: str) -> str:
    """Return the attribute Canvas would give; the simulated feed holds lines that are damaged."""
    found = re.search(r'"event_name":"([^"]+)"', line)
    return found[1] if found else "unknown"


def serve(port: int, path: str) -> None:
    """Serve the events of a file, one of them per line, until killed."""
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        lines = [line.rstrip("\n") for line in file]
    queue = Queue([(_name(line), line) for line in lines])
    app = web.Application()
    app.add_routes([web.get("/counts", queue.counts), web.post("/{tail:.*}", queue.answer)])
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
