"""Who may post: whoever signs with a known key, or knows the secrets that were agreed upon."""

import hmac
from typing import Final

from aiohttp import BasicAuth

from pipeline.ingest.live_events_http.options import EndpointOptions
from pipeline.ingest.live_events_http.signatures import (
    Refused,
    claims_at_once,
    event_in,
    verified_claims,
)
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

    def require_secrets(self, path: str, authorization: str) -> None:
        """Raise Refused if the path's secret or the login is wrong, where these are asked for.

        ``authorization`` is the header of that name, empty without one.
        """
        if self._signed:
            return
        if self._secret is not None and not _same(
            path.removeprefix(self._secret_prefix), self._secret
        ):
            raise Refused("wrong_secret")
        if self._login is not None and not _same(authorization, self._login):
            raise Refused("wrong_login")

    async def event(self, body: bytes, now: int) -> bytes:
        """Return the event's JSON in a body; raise Refused, or Unavailable without keys.

        A token is verified even where none is asked for.
        """
        token = self._token(body)
        if token is None:
            return body
        return event_in(await verified_claims(token, self._keys), now)

    def event_at_once(self, body: bytes, now: int) -> bytes | None:
        """Do the same without waiting for keys; return None if one is not in memory."""
        token = self._token(body)
        if token is None:
            return body
        claims = claims_at_once(token, self._keys)
        return None if claims is None else event_in(claims, now)

    def _token(self, body: bytes) -> bytes | None:
        text = body.strip().strip(b'"') if body[:1] not in (b"{", b"[") else body
        if text.startswith(_TOKEN_BEGINS):
            return text
        if self._signed:
            raise Refused("unsigned")
        return None


def _same(given: str, expected: str) -> bool:
    """Compare without telling by the time it takes how much was right."""
    # Bytes of a request that are no UTF-8 come as lone surrogates.
    return hmac.compare_digest(given.encode(errors="surrogateescape"), expected.encode())
