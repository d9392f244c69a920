"""Keys are kept, read again when they must be, and not more often."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.domain.errors import Unavailable
from pipeline.ingest.live_events_http.signing_keys import (
    AGAIN_S,
    NotJwks,
    SigningKeys,
    fetch_from,
    key_set,
)
from tests.support.canvas.signing import Signer, jwks_server, rsa_key


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Source:
    """Keys that are asked for in memory."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer
        self.asked = 0
        self.away = False

    async def __call__(self) -> bytes:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("no answer")
        return self.signer.jwks()


async def test_known_keys_are_kept_in_memory() -> None:
    source = Source(Signer())
    keys = SigningKeys(source, monotonic=Clock())
    for _ in range(10):
        assert keys.get("key-2") or await keys.find("key-2")
    assert source.asked == 1


async def test_a_rotated_key_is_found_without_a_restart() -> None:
    source, clock = Source(Signer()), Clock()
    keys = SigningKeys(source, monotonic=clock)
    await keys.load()
    source.signer.published = ["key-2", "key-3", "key-4"]
    clock.now += AGAIN_S
    assert await keys.find("key-4")
    assert keys.get("key-1") is None


async def test_ids_made_up_do_not_turn_into_requests() -> None:
    source, clock = Source(Signer()), Clock()
    keys = SigningKeys(source, monotonic=clock)
    found = await asyncio.gather(*(keys.find(f"made up {number}") for number in range(100)))
    assert not any(found)
    clock.now += AGAIN_S - 1
    assert await keys.find("another") is None
    assert source.asked == 1
    clock.now += 1
    assert await keys.find("another") is None
    assert source.asked == 2


async def test_an_old_set_is_read_again_while_its_keys_go_on_to_verify() -> None:
    source, clock = Source(Signer()), Clock()
    keys = SigningKeys(source, refresh_s=3600, monotonic=clock)
    await keys.load()
    clock.now += 3600
    source.signer.published = ["key-3", "key-4"]
    assert keys.get("key-1")
    await keys.load()
    assert keys.get("key-1") is None
    assert keys.get("key-4")


async def test_while_the_keys_cannot_be_read_those_in_memory_stay_good() -> None:
    source, clock = Source(Signer()), Clock()
    keys = SigningKeys(source, refresh_s=3600, monotonic=clock)
    await keys.load()
    source.away = True
    clock.now += 4000
    assert keys.get("key-2")
    await keys.load()
    assert keys.get("key-2")
    with pytest.raises(Unavailable):
        await keys.find("key-4")
    clock.now += AGAIN_S
    source.away = False
    assert await keys.find("key-4") is None


async def test_the_keys_are_read_from_an_address() -> None:
    async with jwks_server(Signer()) as server:
        keys = SigningKeys(fetch_from(server.address))
        assert await keys.find("key-2")
        server.status = 500
        with pytest.raises(Unavailable):
            await fetch_from(server.address)()
        assert server.asked == 2


async def test_an_address_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await fetch_from("http://127.0.0.1:9/jwks")()


async def test_the_keys_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    with pytest.raises(Unavailable):
        await fetch_from(str(path))()
    path.write_bytes(Signer().jwks())
    assert await SigningKeys(fetch_from(str(path))).find("key-3")


def public(key_id: str, **members: Any) -> dict[str, Any]:
    return {**rsa_key(key_id).as_dict(private=False), **members}


def modulus_of_1024_bits() -> str:
    return base64.urlsafe_b64encode(b"\xff" * 128).rstrip(b"=").decode()


def test_keys_for_other_uses_and_weak_ones_are_left_out() -> None:
    members: list[Any] = [
        public("good"),
        public("encrypts", use="enc"),
        public("other", alg="RS512"),
        {"kty": "EC", "kid": "curve", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
        {"kty": "RSA", "kid": "empty", "n": "", "e": ""},
        {**public("good"), "kid": 7},
        public("weak", n=modulus_of_1024_bits()),
        public("half", n=None),
        "text",
    ]
    assert set(key_set(json.dumps({"keys": members}).encode())) == {"good"}


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"keys":7}', b'{"keys":[]}', b'{"keys":[7]}']
)
def test_a_text_without_keys_is_no_set(text: bytes) -> None:
    with pytest.raises(NotJwks):
        key_set(text)
