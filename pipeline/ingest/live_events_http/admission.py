"""Who may post: whoever signs with a known key, or knows the secrets that were agreed upon."""

import hmac
from typing import Final

from aiohttp import BasicAuth, hdrs, web

from pipeline.ingest.live_events_http.options import EndpointOptions
from pipeline.ingest.live_events_http.signatures import Refused, event_in, verified_claims
from pipeline.ingest.live_events_http.signing_keys import SigningKeys

_TOKEN_BEGINS: Final = b"eyJ"
"""``{"`` in base64: what every compact JWS begins with, and no JSON text."""


class Admission:
    """Decides about posts: before their body is read, and by their body."""

    def __init__(self, options: EndpointOptions, keys: SigningKeys) -> None:
        self._signed = options.signed
        self._keys = keys
        self._path = options.path
        self._secret_prefix = f"{options.path.rstrip('/')}/"
        self._secret = options.secret
        self._login = (
            None
            if options.signed or options.username is None
            else BasicAuth(options.username, options.password or "", "utf-8").encode()
        )

    def knows_path(self, path: str) -> bool:
        """Tell whether posts go to this path, its secret right or wrong."""
        return path == self._path or path.startswith(self._secret_prefix)

    def require_secrets(self, path: str, request: web.BaseRequest) -> None:
        """Raise Refused if the path's secret or the login is wrong, where these are asked for."""
        if self._signed:
            return
        if self._secret is not None and not _same(
            path.removeprefix(self._secret_prefix), self._secret
        ):
            raise Refused("wrong_secret")
        if self._login is not None and not _same(
            request.headers.get(hdrs.AUTHORIZATION, ""), self._login
        ):
            raise Refused("wrong_login")

    async def event(self, body: bytes, now: int) -> bytes:
        """Return the event's JSON in a body; raise Refused, or Unavailable without keys.

        A token is verified even where none is asked for.
        """
        text = body.strip().strip(b'"') if body[:1] not in (b"{", b"[") else body
        if text.startswith(_TOKEN_BEGINS):
            return event_in(await verified_claims(text, self._keys), now)
        if self._signed:
            raise Refused("unsigned")
        return body


def _same(given: str, expected: str) -> bool:
    """Compare without telling by the time it takes how much was right."""
    # Bytes of a request that are no UTF-8 come as lone surrogates.
    return hmac.compare_digest(given.encode(errors="surrogateescape"), expected.encode())
