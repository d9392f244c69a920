"""What signs Live Events at Instructure: keys that rotate, their JWKS over HTTP, tokens."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from aiohttp import web
from joserfc import jws
from joserfc.jwk import RSAKey


@cache
def rsa_key(key_id: str) -> RSAKey:
    """One key per id for all tests of a process: they take long to make."""
    return RSAKey.generate_key(2048, {"kid": key_id, "use": "sig", "alg": "RS256"})


class Signer:
    """Signs with ``current``; the set has the previous, the present and the next key."""

    def __init__(self, *published: str, current: str = "key-2") -> None:
        self.published = list(published or ("key-1", "key-2", "key-3"))
        self.current = current

    def jwks(self) -> bytes:
        keys = [rsa_key(key_id).as_dict(private=False) for key_id in self.published]
        return json.dumps({"keys": keys}).encode()

    def sign(self, claims: Any, *, key_id: str | None = None, **header: Any) -> bytes:
        """Return a compact JWS; ``key_id`` names the key that signs, ``kid=`` lies about it."""
        key_id = key_id or self.current
        payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
        protected = {"typ": "JWT", "alg": "RS256", "kid": key_id, **header}
        known = {name: value for name, value in protected.items() if value is not None}
        return jws.serialize_compact(known, payload, rsa_key(key_id)).encode()


class JwksServer:
    """The address of the keys; counts how often it is asked, and can fail."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer
        self.asked = 0
        self.status = 200
        self.port = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/main/jwks"

    async def _answer(self, _: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(body=self.signer.jwks(), status=self.status)


@asynccontextmanager
async def jwks_server(signer: Signer) -> AsyncIterator[JwksServer]:
    """Serve a signer's keys on a free port."""
    server = JwksServer(signer)
    app = web.Application()
    app.add_routes([web.get("/main/jwks", server._answer)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()
