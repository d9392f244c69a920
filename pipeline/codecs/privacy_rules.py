"""What is done with each kind of personal data, and how one value of it is replaced."""

from dataclasses import dataclass
from ipaddress import IPv4Address, ip_network
from typing import Final, Literal

from pipeline.codecs.personal_texts import PersonalTexts
from pipeline.codecs.pseudonyms import Pseudonyms, parsed_address

REMOVED: Final = "REMOVED"
_IPV4_BITS: Final = 24
_IPV6_BITS: Final = 48
"""What a truncated address keeps: a /24, and a /48, the usual size of one site (RFC 6177)."""


@dataclass(frozen=True, slots=True)
class PrivacyRules:
    """One choice per kind of data.

    ``users``: ids of people, wherever they stand. ``names``: logins, SIS ids, names, e-mails.
    ``ips``: client addresses. ``urls``: people in paths, queries and other texts; ``drop`` cuts the
    query off besides. ``texts``: what people wrote (messages, entries, submissions).
    """

    users: Literal["keep", "pseudonymise"] = "pseudonymise"
    names: Literal["keep", "pseudonymise", "drop"] = "pseudonymise"
    ips: Literal["keep", "truncate", "pseudonymise", "drop"] = "pseudonymise"
    urls: Literal["keep", "pseudonymise", "drop"] = "pseudonymise"
    texts: Literal["keep", "drop"] = "drop"
    user_agents: Literal["keep", "drop"] = "keep"


class Replacements:
    """Single values by the rules; blank ones stay."""

    def __init__(self, rules: PrivacyRules, pseudonyms: Pseudonyms, texts: PersonalTexts) -> None:
        self._rules = rules
        self._pseudonyms = pseudonyms
        self._texts = texts

    def name(self, text: str) -> str:
        """Return what stands for a login, name, SIS id or e-mail."""
        if self._rules.names == "keep" or not text.strip():
            return text
        return REMOVED if self._rules.names == "drop" else self._pseudonyms.text(text)

    def address(self, text: str) -> str:
        """Return what stands for a client address; what is none is never kept, only hidden."""
        if self._rules.ips == "keep" or not text.strip():
            return text
        if self._rules.ips == "drop":
            return ""
        address = parsed_address(text)
        if self._rules.ips == "pseudonymise" or address is None:
            return self._pseudonyms.address(text)
        bits = _IPV4_BITS if isinstance(address, IPv4Address) else _IPV6_BITS
        return str(ip_network((int(address), bits), strict=False).network_address)

    def url(self, text: str, shard: int | None) -> str:
        """Return a URL, or any text that may hold some, without people."""
        if self._rules.urls == "keep":
            return text
        if self._rules.urls == "drop" and ("/" in text[:8] or "://" in text):
            text = text.partition("?")[0]
        return self._texts.replaced(text, shard)

    def user_agent(self, text: str) -> str:
        """Return what stands for a user agent."""
        return text if self._rules.user_agents == "keep" else ""
