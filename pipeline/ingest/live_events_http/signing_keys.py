"""The keys that sign Live Events: a JWKS, kept in memory, asked for again when it must be.

Instructure publishes the previous, the present and the next key and changes them on the 30th of
each month (https://developerdocs.instructure.com/services/live-events/setup), so a key is known
before it signs. A key id nobody knows makes the set be read again, at a bounded rate: forged
tokens with ids made up must not turn into requests.
"""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from pipeline.codecs.json_text import NotJson, read_json
from pipeline.domain.errors import Unavailable

MAX_JWKS_BYTES: Final = 1 << 20
FETCH_S: Final = 5.0
AGAIN_S: Final = 30.0
"""The set is not read more often than this, whatever key ids are asked for."""

SMALLEST_KEY_BITS: Final = 2048
"""RFC 7518 3.3: RS256 needs at least this."""

Fetch = Callable[[], Awaitable[bytes]]

log = structlog.get_logger(__name__)


class KeysAway(Unavailable):
    """Nobody can tell whether a key id is one of Instructure's."""


class SigningKeys:
    """Keys by id. ``monotonic`` gives seconds of a clock that never goes back."""

    def __init__(
        self,
        fetch: Fetch,
        *,
        refresh_s: float = 3600.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._refresh_s = refresh_s
        self._monotonic = monotonic
        self._keys: dict[str, RSAKey] = {}
        self._read_at: float | None = None
        self._tried_at: float | None = None
        self._reading: asyncio.Future[None] | None = None

    @property
    def known(self) -> bool:
        """Whether the set was read at least once."""
        return self._read_at is not None

    async def load(self) -> None:
        """Read the set if it was not tried lately; what goes wrong is logged and tried later."""
        self._begin()
        if self._reading is not None:
            await asyncio.shield(self._reading)

    def get(self, key_id: str) -> RSAKey | None:
        """Return a key that is in memory; start reading the set again if it is old."""
        key = self._keys.get(key_id)
        if key is not None and self._older_than(self._read_at, self._refresh_s):
            self._begin()
        return key

    async def find(self, key_id: str) -> RSAKey | None:
        """Return a key, reading the set again for one that is not in memory; None if unknown.

        Raises KeysAway if the set cannot be read now.
        """
        await self.load()
        key = self._keys.get(key_id)
        if key is None and self._read_at != self._tried_at:
            raise KeysAway("the keys that sign Live Events cannot be read at present")
        return key

    def _older_than(self, at: float | None, age_s: float) -> bool:
        return at is None or self._monotonic() - at >= age_s

    def _begin(self) -> None:
        if self._reading is None and self._older_than(self._tried_at, AGAIN_S):
            self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        try:
            tried_at = self._tried_at = self._monotonic()
            try:
                keys = key_set(await self._fetch())
            except (Unavailable, NotJwks) as error:
                # Those that are known stay good.
                log.warning("signing keys cannot be read", why=str(error))
            else:
                self._keys, self._read_at = dict(keys), tried_at
        finally:
            self._reading = None


class NotJwks(ValueError):
    """A text that is no set of keys with an RSA key for signatures."""


def key_set(text: bytes) -> Mapping[str, RSAKey]:
    """Return the RSA keys of a JWKS (RFC 7517) that verify RS256, by id; raise NotJwks."""
    try:
        document = read_json(text)
    except NotJson as error:
        raise NotJwks(f"the set of keys is no JSON: {error}") from None
    members = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(members, list):
        raise NotJwks("the set of keys has no member keys")
    keys: dict[str, RSAKey] = {}
    for member in members:
        if (key := _key(member)) is not None:
            keys[member["kid"]] = key
    if not keys:
        raise NotJwks("the set of keys has no RSA key for signatures")
    return keys


def _key(member: Any) -> RSAKey | None:
    """Return one key of a set; None for other kinds and uses, and for what is no key."""
    if (
        not isinstance(member, dict)
        or member.get("kty") != "RSA"
        or member.get("use", "sig") != "sig"
        or member.get("alg", "RS256") != "RS256"
        or not isinstance(member.get("kid"), str)
    ):
        return None
    public = {name: member[name] for name in ("kty", "n", "e", "kid") if name in member}
    try:
        modulus = int.from_bytes(base64.urlsafe_b64decode(public["n"] + "=="), "big")
        if modulus.bit_length() < SMALLEST_KEY_BITS:
            return None
        return RSAKey.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def fetch_from(address: str) -> Fetch:
    """Return how to read a set: from http(s) addresses with a client, else from a file."""
    if urlsplit(address).scheme in ("http", "https"):
        return lambda: _from_web(address)
    return lambda: asyncio.to_thread(_from_file, Path(address))


async def _from_web(address: str) -> bytes:
    timeout = aiohttp.ClientTimeout(total=FETCH_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(address) as reply:
            if reply.status != 200:
                raise Unavailable(f"the address of the keys answers {reply.status}")
            text = await reply.content.read(MAX_JWKS_BYTES)
            while chunk := await reply.content.read(MAX_JWKS_BYTES):
                text += chunk
                if len(text) > MAX_JWKS_BYTES:
                    raise Unavailable("the answer is too long for a set of keys")
            return text
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        what = type(error).__name__
        raise Unavailable(f"the address of the keys gives no answer: {what}") from error


def _from_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unavailable(f"the file of the keys cannot be read: {error.strerror}") from error
