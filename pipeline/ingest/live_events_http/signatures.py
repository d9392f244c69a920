"""A signed post → the event in its claims, if the signature holds.

With "Sign Payload" the body is a compact JWS (RFC 7515), RS256, whose claims hold the event. Where
in the claims is not documented: the event's members may stand among them, or under one claim.
https://developerdocs.instructure.com/services/live-events/setup
"""

import json
from math import isfinite
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from pipeline.codecs.json_text import NotJson, read_json
from pipeline.codecs.live_events_caliper import is_caliper_envelope, is_caliper_event
from pipeline.codecs.live_events_canvas import is_canvas_event
from pipeline.domain.event_time import MICROS
from pipeline.ingest.live_events_http.signing_keys import SigningKeys

LEEWAY: Final = 60 * MICROS
"""Clocks may differ by so much."""

_REGISTERED: Final = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})
"""RFC 7519 4.1; they are of the token, not of the event."""


class _Registry(jws.JWSRegistry):
    """RS256 alone, so that no token chooses a weaker way; size is limited by the server."""

    max_header_length = 1024
    max_payload_length = 64 << 20


_RS256: Final = _Registry(algorithms=["RS256"], strict_check_header=False)


_NO_TOKEN: Final = (JoseError, ValueError, TypeError, AttributeError, RecursionError)
"""What joserfc raises for texts that are no token, and for headers that are no JSON object."""


class Refused(Exception):
    """A post that may not come in; ``why`` is one word for the count of such."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


async def verified_claims(token: bytes, keys: SigningKeys) -> bytes:
    """Return the claims of a signed post as they are.

    Raises Refused, and Unavailable if the key may be one that cannot be read now.
    """
    signature, key_id = _signature(token)
    key = keys.get(key_id) or await keys.find(key_id)
    if key is None:
        raise Refused("unknown_key")
    return _claims(signature, key)


def claims_at_once(token: bytes, keys: SigningKeys) -> bytes | None:
    """Return the claims of a signed post as they are, None if its key is not in memory.

    Raises Refused.
    """
    signature, key_id = _signature(token)
    key = keys.get(key_id)
    return None if key is None else _claims(signature, key)


def _signature(token: bytes) -> tuple[jws.CompactSignature, str]:
    try:
        signature = jws.extract_compact(token, registry=_RS256)
        key_id = signature.protected.get("kid")
    except _NO_TOKEN:
        raise Refused("no_signature") from None
    if not isinstance(key_id, str):
        raise Refused("no_key_id")
    return signature, key_id


def _claims(signature: jws.CompactSignature, key: RSAKey) -> bytes:
    try:
        holds = jws.validate_compact(signature, key, registry=_RS256)
    except _NO_TOKEN:
        raise Refused("no_signature") from None
    if not holds:
        raise Refused("forged")
    return signature.payload


def event_in(claims: bytes, now: int) -> bytes:
    """Return the JSON of the event that verified claims hold; raise Refused if they have expired.

    Claims that are no JSON object, or hold no event, come back as they are: they are signed, so
    they are somebody's event, and end as a dead letter.
    """
    try:
        document = read_json(claims)
    except NotJson:
        return claims
    if not isinstance(document, dict):
        return claims
    _require_current(document, now)
    rest = {name: value for name, value in document.items() if name not in _REGISTERED}
    if not _is_event(rest):
        nested = [value for value in map(_unpacked, rest.values()) if _is_event(value)]
        if len(nested) != 1:
            return claims
        rest = nested[0]
    elif len(rest) == len(document):
        return claims
    return json.dumps(rest, ensure_ascii=False, separators=(",", ":")).encode()


def _unpacked(value: Any) -> Any:
    """Return what a claim holds; some issuers put JSON into a text."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            return read_json(value.encode())
        except NotJson:
            return value
    return value


def _is_event(value: Any) -> bool:
    return isinstance(value, dict) and (
        is_canvas_event(value) or is_caliper_envelope(value) or is_caliper_event(value)
    )


def _require_current(claims: dict[str, Any], now: int) -> None:
    expires, begins = _instant(claims, "exp"), _instant(claims, "nbf")
    if expires is not None and now >= expires + LEEWAY:
        raise Refused("expired")
    if begins is not None and now < begins - LEEWAY:
        raise Refused("not_yet_valid")


def _instant(claims: dict[str, Any], name: str) -> int | None:
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
        raise Refused("bad_times")
    return int(value * MICROS)
