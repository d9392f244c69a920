"""Alerts from their topic to people: foreign readers, Alertmanager, webhooks, crashes."""

import asyncio
import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from confluent_kafka import Consumer

from pipeline.app.settings import PREFIX
from pipeline.app.wiring import schemas
from pipeline.codecs.avro import decode_one
from pipeline.domain.topics import ALERT_ACTIONS, ANOMALIES
from tests.support.alertmanager import Alertmanager, alertmanager_program
from tests.support.alerts import alert, over, publish
from tests.support.line import Line
from tests.support.receiver import Receiver, receiver
from tests.support.stack import Stack
from tests.support.waiting import LIMIT_S, until

SIGNATURE = "x-canvas-telemetry-signature"
pytestmark = pytest.mark.stack

SECRET = "shared"


@contextmanager
def notifying(line: Line, instance: str = "only", **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run notify; static membership lets a restarted one rejoin at once."""
    variables = {f"{PREFIX}NOTIFY_{name.upper()}": str(value) for name, value in more.items()}
    environment = {**line.environment, f"{PREFIX}GROUP_INSTANCE_ID": instance, **variables}
    process = subprocess.Popen([sys.executable, "-m", "pipeline", "notify"], env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(LIMIT_S)


@pytest.fixture
def line(stack: Stack, topic_prefix: str, database: str) -> Line:
    found = Line(stack, topic_prefix, database)
    found.create()
    return found


def told(to: Receiver) -> list[tuple[str, str]]:
    """Return kind and episode of every message, in order."""
    events = [json.loads(post.body) for post in to.posts]
    return [(event["kind"], event["data"]["episode"]) for event in events]


async def test_librdkafka_and_the_cloudevents_library_read_the_topic(line: Line) -> None:
    records = [alert(1), alert(2), over(alert(1))]
    await asyncio.to_thread(publish, line.settings, records)
    consumer = Consumer(
        {
            "bootstrap.servers": line.settings.kafka_bootstrap,
            "group.id": f"{line.settings.topic_prefix}foreign",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([line.settings.kafka().named(ANOMALIES.name)])
    messages = []
    try:
        while len(messages) < len(records):
            message = consumer.poll(30)
            assert message is not None
            assert message.error() is None
            messages.append(message)
    finally:
        consumer.close()
    known = schemas(line.settings)
    for message, record in zip(messages, records, strict=True):
        headers = dict(message.headers())
        event = from_binary_event(
            KafkaMessage(headers=headers, key=message.key(), value=message.value())
        )
        assert (event.get_type(), event.get_source()) == (
            "canvas.telemetry.anomaly.v1",
            f"/canvas-telemetry/{line.settings.site_name}/detect",
        )
        assert event.get_id() == f"{record['episode']}/{record['version']}"
        assert event.get_subject() == record["fingerprint"]
        assert event.get_datacontenttype() == "application/avro"
        time = event.get_time()
        assert time is not None
        assert round(time.timestamp() * 1e6) == record["updated_at"]
        assert decode_one(known, message.value(), "anomaly") == record
        assert message.key().decode() == f"{record['fingerprint']}|{record['episode']}"


async def test_a_webhook_gets_every_change_once_in_order_and_signed(line: Line) -> None:
    with receiver() as to:
        to.answers = [503, 500]
        with notifying(line, webhook_url=to.url + "/hook", webhook_secret=SECRET):
            await asyncio.to_thread(publish, line.settings, [alert(1)])
            await until(lambda: len(to.posts) == 1)
            await asyncio.to_thread(publish, line.settings, [alert(2), over(alert(1))])
            await until(lambda: len(to.posts) == 3)
        one, two = alert(1)["episode"], alert(2)["episode"]
        assert told(to) == [("opened", one), ("opened", two), ("resolved", one)]
        for post in to.posts:
            said = dict(part.split("=") for part in post.headers[SIGNATURE].split(","))
            signed = said["t"].encode() + b"." + post.body
            assert hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest() == said["v1"]
            event = from_structured_event(HTTPMessage(post.headers, post.body))
            assert event.get_id() == post.headers["idempotency-key"]


async def test_a_killed_notify_leaves_nothing_out(line: Line) -> None:
    """While the receiver refuses, nothing is committed: the next process tells it again."""
    episodes = [alert(number)["episode"] for number in range(1, 9)]
    with receiver() as to:
        for first in (1, 3, 5, 7):
            with notifying(line, webhook_url=to.url) as process:
                await until(lambda at=first: len({e for _, e in told(to)}) >= at - 1)  # type: ignore[misc]
                to.answers = [503] * 100
                pair = [alert(first), alert(first + 1)]
                await asyncio.to_thread(publish, line.settings, pair)
                await until(lambda: len(to.answers) < 100)
                process.kill()
                process.wait()
            to.answers.clear()
        with notifying(line, webhook_url=to.url):
            await until(lambda: len({episode for _, episode in told(to)}) == len(episodes))
        keys = [post.headers["idempotency-key"] for post in to.posts]
        assert {episode for _, episode in told(to)} == set(episodes)
        assert len(set(keys)) == len(episodes)


async def test_two_stand_by_for_each_other(line: Line) -> None:
    """Whichever of them has the topic: when it is killed, the other goes on."""
    with receiver() as to, notifying(line, "b", webhook_url=to.url) as second:
        with notifying(line, "a", webhook_url=to.url) as first:
            await asyncio.to_thread(publish, line.settings, [alert(1)])
            await until(lambda: len(to.posts) == 1)
            first.kill()
            first.wait()
        await asyncio.to_thread(publish, line.settings, [alert(2)])
        await until(lambda: len(set(told(to))) == 2)
        with notifying(line, "a", webhook_url=to.url):
            second.kill()
            second.wait()
            await asyncio.to_thread(publish, line.settings, [alert(3)])
            await until(lambda: len(set(told(to))) == 3)
    assert {episode for _, episode in told(to)} == {alert(n)["episode"] for n in (1, 2, 3)}


async def test_a_dead_end_is_seen_by_everybody(line: Line) -> None:
    async def noted() -> bool:
        return bool(await asyncio.to_thread(line.records, ALERT_ACTIONS))

    with receiver() as to:
        to.answers = [404]
        with notifying(line, webhook_url=to.url):
            await asyncio.to_thread(publish, line.settings, [alert(1)])
            await until(noted)
            await asyncio.to_thread(publish, line.settings, [alert(2)])
            await until(lambda: len(to.posts) == 1)
        (action,) = await asyncio.to_thread(line.records, ALERT_ACTIONS)
        assert (action["action"], action["channel"]) == ("undelivered", "webhook")
        assert action["episode"] == alert(1)["episode"]
        assert told(to) == [("opened", alert(2)["episode"])]


async def test_a_silence_is_heard_and_its_end_as_well(line: Line) -> None:
    one = alert(1)
    with receiver() as to, notifying(line, webhook_url=to.url):
        done = await asyncio.to_thread(
            line.command,
            *("alerts", "silence", one["fingerprint"], "--for", "1h"),
            *("--why", "load test", "--who", "Ann"),
        )
        assert done.returncode == 0, done.stderr
        await asyncio.to_thread(publish, line.settings, [one, alert(2)])
        await until(lambda: len(to.posts) == 1)
        assert told(to) == [("opened", alert(2)["episode"])]
        done = await asyncio.to_thread(
            line.command, "alerts", "unsilence", one["fingerprint"], "--why", "it is over"
        )
        assert done.returncode == 0, done.stderr
        await until(lambda: len(to.posts) == 2)
        assert told(to)[1] == ("opened", one["episode"])


async def test_alertmanager_receives_groups_and_resolves(
    line: Line, tmp_path_factory: pytest.TempPathFactory
) -> None:
    program = alertmanager_program()
    home: Path = tmp_path_factory.mktemp("alertmanager")
    with (
        receiver() as to,
        receiver() as beats,
        Alertmanager(home, program, to.url) as manager,
    ):
        urls = json.dumps([manager.url])
        more = {"alertmanager_every_s": 5, "alertmanager_hold_s": 20, "heartbeat_url": beats.url}
        with notifying(line, alertmanager_urls=urls, **more):
            late = over(alert(3), version=1)
            await asyncio.to_thread(publish, line.settings, [alert(1), alert(2), late])
            await until(lambda: len(firing(manager)) == 3)
            assert "CanvasTelemetryHeartbeat" in names(manager)
            await until(lambda: bool(beats.posts))
            groups = [json.loads(post.body) for post in to.posts]
            await until(lambda: any(len(alerts_of(post.body, "firing")) == 3 for post in to.posts))
            assert all(group["groupLabels"] for group in groups)
            await asyncio.to_thread(publish, line.settings, [over(alert(1))])
            await until(lambda: len(firing(manager)) == 1)
            assert firing(manager) == {alert(2)["episode"]}
            await until(lambda: resolved(to) >= {alert(1)["episode"], late["episode"]})


def firing(manager: Alertmanager) -> set[str]:
    found = [one["labels"].get("episode") for one in manager.alerts()]
    return {episode for episode in found if episode}


def names(manager: Alertmanager) -> set[str]:
    return {one["labels"]["alertname"] for one in manager.alerts()}


def alerts_of(body: bytes, status: str) -> set[str]:
    group = json.loads(body)
    return {
        one["labels"]["episode"]
        for one in group["alerts"]
        if one["status"] == status and "episode" in one["labels"]
    }


def resolved(to: Receiver) -> set[str]:
    return set().union(*(alerts_of(post.body, "resolved") for post in to.posts))
