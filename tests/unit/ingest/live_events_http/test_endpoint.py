"""Posts over the wire: 2xx after Kafka has acknowledged, else a status that Canvas understands."""

import asyncio
import json
import ssl
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import SettingsError
from pipeline.domain.event_time import MICROS
from pipeline.ingest.live_events_http.options import EndpointOptions
from tests.support.added_up import settled, total
from tests.support.canvas.endpoint_run import (
    BY_LOGIN,
    BY_PATH,
    LOGIN,
    NOW,
    SCHEMAS,
    SECRET,
    SIGNED,
    SIGNER,
    SlowPublisher,
    running,
)
from tests.support.canvas.https_delivery import HttpsDelivery, as_body, canvas_event
from tests.support.certificates import self_signed, serving
from tests.support.waiting import until


async def test_a_signed_event_is_published_and_answered_2xx() -> None:
    async with running() as run:
        assert await run.canvas.post(SIGNER.sign(canvas_event(1))) == 204
        [row] = run.rows()
        assert row["request_id"] == "00000000-0000-4000-8000-000000000001"
        assert run.requests == {"accepted": 1}


@pytest.mark.parametrize("kind", ["application/json", "application/jwt", "text/plain", ""])
async def test_the_content_type_does_not_matter(kind: str) -> None:
    async with running() as run:
        assert await run.canvas.post(SIGNER.sign(canvas_event(1)), {"Content-Type": kind}) == 204
        assert len(run.rows()) == 1


async def test_claims_of_the_token_are_no_part_of_the_event() -> None:
    async with running() as run:
        expires = NOW // MICROS + 300
        token = SIGNER.sign({**canvas_event(1), "exp": expires, "iss": "x", "jti": "y"})
        assert await run.canvas.post(token) == 204
        [row] = run.rows()
        assert json.loads(row["extra"]) == {"producer": "canvas"}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (as_body(canvas_event(1)), "unsigned"),
        (b"", "unsigned"),
        (SIGNER.sign(canvas_event(1), key_id="stolen", kid="key-2"), "forged"),
        (SIGNER.sign(canvas_event(1), key_id="stranger"), "unknown_key"),
        (SIGNER.sign({**canvas_event(1), "exp": NOW // MICROS - 3600}), "expired"),
        (b"eyJhbGciOiJSUzI1NiJ9", "no_signature"),
    ],
)
async def test_a_forged_or_expired_signature_is_401_and_counted(body: bytes, why: str) -> None:
    async with running() as run:
        assert await run.canvas.post(body) == 401
        assert run.requests == {f"refused_{why}": 1}
        assert not run.rows()
        assert not run.dead()


@pytest.mark.parametrize(
    ("claims", "reason"),
    [(b"{", "json"), (b'"text"', "shape"), (b'{"metadata":{"event_name":"x"}}', "shape")],
)
async def test_a_signed_body_nobody_can_read_is_a_dead_letter_and_2xx(
    claims: bytes, reason: str
) -> None:
    async with running() as run:
        assert await run.canvas.post(SIGNER.sign(claims)) == 204
        [letter] = run.dead()
        assert letter["payload"] == claims
        assert letter["reason"] == reason


async def test_json_nested_too_deeply_is_a_dead_letter_and_2xx() -> None:
    async with running(BY_PATH) as run:
        body = b'{"metadata":{"event_name":"x"},"body":' + b'{"a":' * 5000 + b"1" + b"}" * 5001
        assert await run.canvas.post(body, path=f"/{SECRET}") == 204
        assert [letter["reason"] for letter in run.dead()] == ["json"]


@pytest.mark.parametrize(
    ("options", "path", "headers", "status"),
    [
        (BY_PATH, f"/{SECRET}", None, 204),
        (BY_PATH, "/wrong", None, 401),
        (BY_PATH, "", None, 401),
        (BY_PATH, f"/{SECRET}/more", None, 401),
        (BY_LOGIN, "", LOGIN, 204),
        (BY_LOGIN, "", None, 401),
        (BY_LOGIN, "", {"Authorization": "Basic Y2FudmFzOm5v"}, 401),
        (BY_LOGIN, "", {"Authorization": "Bearer x"}, 401),
        (replace(BY_LOGIN, secret=SECRET), f"/{SECRET}", LOGIN, 204),
        (replace(BY_LOGIN, secret=SECRET), f"/{SECRET}", None, 401),
        (replace(BY_LOGIN, secret=SECRET), "", LOGIN, 401),
    ],
)
async def test_an_unsigned_event_needs_every_secret_that_was_agreed_upon(
    options: EndpointOptions, path: str, headers: dict[str, str] | None, status: int
) -> None:
    async with running(options) as run:
        assert await run.canvas.post(as_body(canvas_event(1)), headers, path) == status
        assert len(run.rows()) == (status == 204)


async def test_a_signature_that_nobody_asked_for_is_verified_all_the_same() -> None:
    async with running(BY_PATH) as run:
        forged = SIGNER.sign(canvas_event(1), key_id="stolen", kid="key-2")
        assert await run.canvas.post(forged, path=f"/{SECRET}") == 401
        assert await run.canvas.post(SIGNER.sign(canvas_event(2)), path=f"/{SECRET}") == 204


async def test_probes_and_strangers_get_answers() -> None:
    async with running() as run:
        base = f"http://127.0.0.1:{run.endpoint.port}"

        async def status(method: str, path: str) -> int:
            async with run.session.request(method, base + path) as reply:
                return reply.status

        assert await status("GET", "/healthz") == 200
        assert await status("GET", "/readyz") == 200
        assert await status("GET", "/live-events") == 405
        assert await status("POST", "/") == 404
        run.tools.stopping.set()
        await run.work
        assert await status("GET", "/healthz") == 200
        assert await status("GET", "/readyz") == 503
        assert await run.canvas.post(SIGNER.sign(canvas_event(1))) == 503


async def test_what_was_taken_before_a_stop_is_published_and_answered() -> None:
    publisher = SlowPublisher()
    async with running(publisher=publisher) as run:
        posts = [
            asyncio.ensure_future(run.canvas.post(SIGNER.sign(canvas_event(number))))
            for number in range(20)
        ]
        await until(lambda: run.tools.figures.waiting == 20)
        run.tools.stopping.set()
        publisher.go.set()
        assert set(await asyncio.gather(*posts)) == {204}
        await run.work
        assert len(run.rows()) == 20


async def test_a_retry_of_canvas_makes_a_copy_with_the_same_event_key() -> None:
    async with running() as run:
        token = SIGNER.sign(canvas_event(1))
        assert [await run.canvas.post(token) for _ in range(3)] == [204] * 3
        assert len(run.rows()) == 3
        assert len({row["event_key"] for row in run.rows()}) == 1


async def test_read_is_published_and_dead_copies_among_them_and_nothing_of_what_is_refused() -> (
    None
):
    async with running() as run:
        for claims in (canvas_event(1), canvas_event(1), canvas_event(2), b"{"):
            assert await run.canvas.post(SIGNER.sign(claims)) == 204
        assert await run.canvas.post(b"unsigned") == 401
        hours = settled(run.publisher, SCHEMAS)
        counts = [total(hours, name) for name in ("read", "published", "dead", "repeated")]
        assert counts == [4, 3, 1, 0]


async def test_events_are_taken_over_tls(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    async with running(replace(SIGNED, tls=serving(certificate))) as run:
        trusting = ssl.create_default_context(cafile=str(certificate))
        trusting.check_hostname = False
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as session:
            canvas = HttpsDelivery(session, f"https://127.0.0.1:{run.endpoint.port}/live-events")
            assert await canvas.post(SIGNER.sign(canvas_event(1))) == 204
        assert len(run.rows()) == 1


async def test_a_port_that_is_taken_is_our_mistake() -> None:
    async with running() as run:
        with pytest.raises(SettingsError, match="cannot be had"):
            async with running(replace(SIGNED, port=run.endpoint.port)):
                pass


BODIES = (
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["metadata", "body", "data", "event_name", "event_time", "type", "x"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=15,
    ).map(lambda value: json.dumps(value).encode())
    | st.integers(0, 9).map(lambda number: as_body(canvas_event(number)))
)
POSTS = st.tuples(BODIES, st.booleans(), st.sampled_from([None, "gzip", "deflate", "br", "x"]))


@settings(deadline=None, max_examples=25)
@given(posts=st.lists(POSTS, min_size=1, max_size=6))
def test_every_post_is_a_row_a_dead_letter_or_refused_and_none_breaks_the_endpoint(
    posts: list[tuple[bytes, bool, str | None]],
) -> None:
    async def run_all() -> None:
        async with running(BY_PATH) as run:
            for body, signed, encoding in posts:
                headers = {} if encoding is None else {"Content-Encoding": encoding}
                sent = SIGNER.sign(body) if signed else body
                reader, writer = await asyncio.open_connection("127.0.0.1", run.endpoint.port)
                lines = [
                    f"POST /live-events/{SECRET} HTTP/1.1",
                    "Host: x",
                    "Connection: close",
                    f"Content-Length: {len(sent)}",
                    *(f"{name}: {value}" for name, value in headers.items()),
                ]
                writer.write("\r\n".join((*lines, "\r\n")).encode() + sent)
                status = int((await reader.read()).split()[1])
                writer.close()
                assert status in (204, 400, 401)
            counted = run.tools.figures.rows
            assert counted["published"] == len(run.rows())
            assert counted["dead"] == len(run.dead())
            assert counted["read"] == counted["published"] + counted["dead"]

    asyncio.run(run_all())
