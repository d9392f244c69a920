"""``alerts`` and ``notify test``, as an operator types them, over ClickHouse and Kafka."""

import json
import subprocess
import sys

import pytest

from pipeline.app.settings import PREFIX
from tests.support.alerts import alert, over, publish
from tests.support.clickhouse_http import ask
from tests.support.line import Line
from tests.support.receiver import Receiver, receiver
from tests.support.smtp_server import MailBox, mail_server
from tests.support.stack import Stack

pytestmark = pytest.mark.stack


def said(line: Line, *arguments: str) -> str:
    done = line.command("alerts", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def sunk(line: Line) -> None:
    """Bring everything that is on the topics into ClickHouse."""
    done = line.command("run", "sink", "--until-caught-up")
    assert done.returncode == 0, done.stderr


def test_an_alert_is_listed_shown_acknowledged_and_silenced(
    stack: Stack, topic_prefix: str, database: str
) -> None:
    line = Line(stack, topic_prefix, database)
    line.create()
    one, two = alert(1), alert(2)
    publish(line.settings, [one, two, over(two)])
    sunk(line)
    assert one["episode"] in said(line, "list")
    assert two["episode"] not in said(line, "list")
    assert two["episode"] in said(line, "list", "--all")

    reason = ("--why", "Known; being mended", "--who", "Ann")
    said(line, "ack", one["episode"], *reason)
    said(line, "silence", "rule:error_spike_5xx_instance", "--for", "2h", *reason)
    said(line, "silence", one["fingerprint"], "--for", "2h", *reason)
    listed = said(line, "list")
    assert "silenced by Ann, acknowledged by Ann" in listed
    assert "silence: rule:error_spike_5xx_instance silenced by Ann until" in listed
    said(line, "unsilence", one["fingerprint"], *reason)
    assert "silenced by Ann, acknowledged" not in said(line, "list")

    sunk(line)
    shown = said(line, "show", one["episode"][:36])
    assert f"explanation: {one['explanation']}" in shown
    for action in ("ack", "silence", "unsilence"):
        assert f": {action}" in shown
    counted = ask(stack.clickhouse_address, "SELECT count() FROM alert_actions", database=database)
    assert counted.body.decode().strip() == "4"

    for arguments, complaint in (
        (("ack", "nonsense", *reason), "is no alert"),
        (("silence", "rule:nonsense", "--for", "2h", *reason), "there is no rule"),
        (("silence", "*", *reason), "say how long"),
        (("silence", "*", "--for", "soon", *reason), "is no time"),
    ):
        done = line.command("alerts", *arguments)
        assert done.returncode == 78
        assert complaint in done.stderr


def test_a_test_message_goes_to_every_channel(stack: Stack, topic_prefix: str) -> None:
    line = Line(stack, topic_prefix, "unused")
    with receiver() as to, mail_server() as mail:
        done = tried(line, to, mail)
        assert (done.returncode, done.stdout.count("taken")) == (0, 4)
        paths = sorted(post.path for post in to.posts)
        assert paths == ["/api/v2/alerts", "/hook", "/slack"]
        assert len(mail.mails) == 1
        to.answers = [404]
        done = tried(line, to, mail)
        assert done.returncode == 1
        assert "answered 404" in done.stdout


def tried(line: Line, to: Receiver, mail: MailBox) -> subprocess.CompletedProcess[str]:
    variables = {
        "webhook_url": f"{to.url}/hook",
        "slack_url": f"{to.url}/slack",
        "alertmanager_urls": json.dumps([to.url]),
        "email_to": json.dumps(["admin@example.edu"]),
        "smtp_host": "127.0.0.1",
        "smtp_port": str(mail.port),
        "smtp_security": "none",
    }
    more = {f"{PREFIX}NOTIFY_{name.upper()}": value for name, value in variables.items()}
    return subprocess.run(
        [sys.executable, "-m", "pipeline", "notify", "test"],
        env={**line.environment, **more},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
