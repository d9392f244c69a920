"""Keyed pseudonyms: the same person and key give the same one in every feed and field.

HMAC-SHA256 (RFC 2104) with a key of its own for each kind of value, derived from the one that is
configured. Who lacks the key can neither compute nor check a pseudonym; who has it can do both,
which `erase` needs.

- People: an int64 of at most -2^62, which no Canvas id is (they are positive). 62 bits: among ten
  million people the chance that any two meet is 10^-5.
- Texts (logins, SIS ids, e-mails, names): ``p-`` and 16 hex digits, of the text without white space
  around and in one case, so that a login that is an e-mail gets one pseudonym.
- Addresses: ``ip-`` and 16 hex digits, of the address in its shortest form.

What is a pseudonym already stays as it is, so making pseudonyms twice changes nothing.
"""

import hmac
import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, TypeVar

SHORTEST_KEY: Final = 32
"""Bytes; as much as HMAC-SHA256 puts out (RFC 2104, section 3)."""

LARGEST: Final = -(1 << 62)
"""Every pseudonym of a person is at most this."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_TEXT: Final = re.compile(r"(?:p|ip)-[0-9a-f]{16}")
_HELD: Final = 200_000
"""Pseudonyms of each kind that are remembered: about 30 MiB together."""


class Pseudonyms:
    """The pseudonyms of one key.

    Costs about 1 µs for a value seen for the first time, a look-up after that.
    Raises ValueError for a key of less than 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < SHORTEST_KEY:
            raise ValueError(f"the key has {len(key)} bytes; it needs at least {SHORTEST_KEY}")
        self._people_key = hmac.digest(key, b"people", "sha256")
        self._texts_key = hmac.digest(key, b"texts", "sha256")
        self._addresses_key = hmac.digest(key, b"addresses", "sha256")
        self._people: dict[int, int] = {}
        self._texts: dict[str, str] = {}
        self._addresses: dict[str, str] = {}

    def person(self, number: int) -> int:
        """Return the pseudonym of a user id in the form of semantics rule 2; nobody (0) stays."""
        if number == 0 or number <= LARGEST:
            return number
        held = self._people.get(number)
        if held is None:
            digest = hmac.digest(self._people_key, b"%d" % number, "sha256")
            held = -((1 << 62) + (int.from_bytes(digest[:8]) >> 2))
            _room(self._people)[number] = held
        return held

    def text(self, text: str) -> str:
        """Return the pseudonym of a login, SIS id, e-mail address or name."""
        held = self._texts.get(text)
        if held is None:
            held = _text(self._texts_key, "p", text.strip().casefold())
            _room(self._texts)[text] = held
        return held

    def address(self, text: str) -> str:
        """Return the pseudonym of a client address."""
        held = self._addresses.get(text)
        if held is None:
            address = parsed_address(text)
            plain = text.strip().casefold() if address is None else str(address)
            held = _text(self._addresses_key, "ip", plain)
            _room(self._addresses)[text] = held
        return held


def parsed_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address; an IPv4 one written as IPv6 is the IPv4 one."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _text(key: bytes, kind: str, plain: str) -> str:
    if _TEXT.fullmatch(plain):
        return plain
    return f"{kind}-{hmac.digest(key, plain.encode(errors='surrogatepass'), 'sha256')[:8].hex()}"


def _room(held: dict[_Key, _Value]) -> dict[_Key, _Value]:
    if len(held) >= _HELD:
        held.clear()
    return held
