"""Channels on a real socket, and the lane that delivers to them."""

import asyncio
import contextlib
import email.policy
import hashlib
import hmac
import json
import smtplib
from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from hypothesis import given
from hypothesis import strategies as st

from pipeline.app.notify.book import KINDS, Kind
from pipeline.app.notify.channels import Lane, Persistence, Refused
from pipeline.app.notify.http import post
from pipeline.app.notify.mail import Mail, MailServer
from pipeline.app.notify.notices import Notice, example
from pipeline.app.notify.slack import Slack
from pipeline.app.notify.templates import BUILT_IN, Templates
from pipeline.app.notify.webhook import SIGNATURE, Webhook, signature
from pipeline.domain.errors import SettingsError, Unavailable
from tests.support.alerts import alert, over
from tests.support.receiver import receiver
from tests.support.smtp_server import Offer, mail_server
from tests.support.waiting import until

ANSWERS = [(500, Unavailable), (429, Unavailable), (404, Refused), (301, Refused)]
QUICK = Persistence(first_s=0.001, longest_s=0.002, total_s=600.0)


class Unreliable:
    """A channel that fails as it is told, then takes everything."""

    name = "unreliable"
    kinds: frozenset[Kind] = frozenset(KINDS)

    def __init__(self, *failures: Exception | None) -> None:
        self.failures = list(failures)
        self.taken: list[Notice] = []

    async def send(self, notice: Notice) -> None:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        self.taken.append(notice)


async def delivered(channel: Unreliable, count: int, persistence: Persistence = QUICK) -> Any:
    """Offer notices, wait until none waits; return the lane and what was given up."""
    given_up: list[int | None] = []

    async def undelivered(notice: Notice, _channel: str, _why: str) -> None:
        given_up.append(notice.offset)

    lane = Lane(channel, undelivered, lambda: 7.0, persistence)
    for offset in range(count):
        lane.offer(Notice("opened", alert(offset), offset))
    assert lane.oldest_offset == 0
    task = asyncio.create_task(lane.run())
    await until(lambda: lane.waiting == 0 or task.done())
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return lane, given_up


@given(st.lists(st.sampled_from([None, Unavailable("away"), Refused("no")]), max_size=12))
def test_a_lane_keeps_the_order_and_leaves_nothing_out(failures: list[Exception | None]) -> None:
    channel = Unreliable(*failures)
    lane, given_up = asyncio.run(delivered(channel, 5))
    taken = [notice.offset for notice in channel.taken]
    assert taken == sorted(set(range(5)) - set(given_up))
    outcomes = lane.figures.outcomes
    assert (outcomes["sent"], outcomes["undelivered"]) == (len(taken), len(given_up))


async def test_a_channel_that_stays_away_is_given_up() -> None:
    channel = Unreliable(*[Unavailable("away")] * 1000)
    _, given_up = await delivered(channel, 1, Persistence(0.001, 0.001, total_s=0.0))
    assert given_up == [0]


async def test_the_limit_of_a_notice_counts_from_when_it_came_not_from_the_one_before_it() -> None:
    channel, given_up, now = Unreliable(*[Unavailable("away")] * 9), list[int | None](), 0.0

    async def undelivered(notice: Notice, _channel: str, _why: str) -> None:
        given_up.append(notice.offset)

    lane = Lane(channel, undelivered, _now, replace(QUICK, total_s=60.0), lambda: now)
    for offset in range(5):
        lane.offer(Notice("opened", alert(offset), offset))
    now = 61.0
    task = asyncio.create_task(lane.run())
    await until(lambda: lane.waiting == 0)
    task.cancel()
    assert given_up == [0, 1, 2, 3, 4]
    assert len(channel.failures) == 4, "each was tried once more, none for another minute"


async def test_a_lane_gives_up_its_oldest_when_too_many_wait_and_stays_bounded() -> None:
    given_up: list[int | None] = []

    async def undelivered(notice: Notice, _channel: str, why: str) -> None:
        assert why == "more than 3 wait"
        given_up.append(notice.offset)

    lane = Lane(Unreliable(), undelivered, _now, replace(QUICK, most=3))
    for offset in range(7):
        lane.offer(Notice("opened", alert(offset), offset))
        await lane.shed()
    assert (given_up, lane.waiting, lane.oldest_offset) == ([1, 2, 3, 4], 3, 0)


@pytest.mark.parametrize(("status", "error"), ANSWERS)
async def test_an_answer_says_whether_trying_again_helps(
    status: int, error: type[Exception]
) -> None:
    with receiver() as to:
        to.answers = [status]
        async with aiohttp.ClientSession() as session:
            with pytest.raises(error, match=str(status)):
                await post(session, f"{to.url}/secret-path", b"x", {})


async def test_errors_do_not_quote_an_address_that_may_be_secret() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(Unavailable) as raised:
            await post(session, "http://127.0.0.1:1/secret-path", b"x", {})
    assert "secret-path" not in str(raised.value)


async def test_a_webhook_is_signed_and_a_cloud_event() -> None:
    with receiver() as to:
        async with aiohttp.ClientSession() as session:
            await Webhook(session, to.url, "shared", lambda: 1_700_000_000.9).send(
                Notice("opened", alert(1), 3)
            )
        (got,) = to.posts
    expected = hmac.new(b"shared", b"1700000000." + got.body, hashlib.sha256).hexdigest()
    assert got.headers[SIGNATURE.lower()] == f"t=1700000000,v1={expected}"
    event = from_structured_event(HTTPMessage(got.headers, got.body))
    assert event.get_id() == got.headers["idempotency-key"] == f"{alert(1)['episode']}/1"
    data: Any = event.get_data()
    assert data["fingerprint"] == alert(1)["fingerprint"]


@given(st.binary(max_size=50), st.binary(max_size=50), st.integers(0, 1 << 33))
def test_a_signature_is_of_the_time_and_every_byte(one: bytes, two: bytes, at: int) -> None:
    same = signature(b"k", at, one) == signature(b"k", at, two)
    assert same == (one == two)
    assert signature(b"k", at, one) != signature(b"k", at + 1, one)
    assert signature(b"k", at, one) != signature(b"l", at, one)


async def test_chat_gets_a_text_that_names_nobody_by_accident() -> None:
    with receiver() as to:
        async with aiohttp.ClientSession() as session:
            slack = Slack(session, to.url, Templates())
            await slack.send(Notice("risen", alert(1, title="<!channel> & more")))
        text = json.loads(to.posts[0].body)["text"]
    assert "&lt;!channel&gt; &amp; more" in text
    assert "MORE SEVERE" in text
    assert "updated" not in slack.kinds


async def test_mail_is_one_thread_and_says_what_it_is_about() -> None:
    with mail_server() as server:
        mail = Mail(
            MailServer("127.0.0.1", server.port, "none"),
            "canvas@example.edu",
            ("a@example.edu", "b@example.edu"),
            Templates(),
            lambda: 1_700_000_000.0,
        )
        opened = alert(1, title="Server errors\r\nBcc: all@example.edu")
        await mail.send(Notice("opened", opened))
        await mail.send(Notice("resolved", over(opened)))
    first, second = (
        message_from_bytes(content, policy=email.policy.default) for _, _, content in server.mails
    )
    assert server.mails[0][1] == ["a@example.edu", "b@example.edu"]
    assert first["Bcc"] is None
    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]
    assert str(first["Subject"]).startswith("[OPEN] Server errors")
    assert opened["explanation"] in first.get_content()


@pytest.mark.parametrize(("code", "error"), [(550, Refused), (451, Unavailable)])
async def test_what_a_mail_server_says_is_told_apart(code: int, error: type[Exception]) -> None:
    with mail_server(Offer(answer_to_data=code)) as server:
        mail = Mail(
            MailServer("127.0.0.1", server.port, "none"), "a@b.c", ("d@e.f",), Templates(), _now
        )
        with pytest.raises(error, match=str(code)):
            await mail.send(Notice("opened", alert(1)))


async def test_a_mail_server_that_is_away_is_waited_for() -> None:
    mail = Mail(MailServer("127.0.0.1", 1, "none"), "a@b.c", ("d@e.f",), Templates(), _now)
    with pytest.raises(Unavailable):
        await mail.send(Notice("opened", alert(1)))
    assert issubclass(smtplib.SMTPServerDisconnected, smtplib.SMTPException)


_now: Callable[[], float] = lambda: 0.0  # noqa: E731


@pytest.mark.parametrize("kind", KINDS)
def test_every_template_can_say_every_change(kind: Kind) -> None:
    for name in BUILT_IN:
        for record in (alert(1), over(alert(1)), example(0).record):
            assert "$" not in Templates().text(name, Notice(kind, record))


def test_a_template_of_ones_own_replaces_the_built_in_one(tmp_path: Path) -> None:
    (tmp_path / "slack.txt").write_text("$rule at $window_start")
    text = Templates(tmp_path).text("slack.txt", Notice("opened", alert(1)))
    assert text == f"{alert(1)['rule']} at 2025-02-20 00:00 UTC"
    assert Templates(tmp_path).text("email_subject.txt", Notice("opened", alert(1)))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("slack.txt", "$nonsense", "no field"),
        ("slak.txt", "x", "no template"),
        ("slack.txt", "$ ", "Invalid"),
    ],
)
def test_a_wrong_template_is_found_at_the_start(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SettingsError, match=said):
        Templates(tmp_path)
