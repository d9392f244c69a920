"""Replaces people in JSON values: bodies of Live Events, audit data, unknown columns.

What a member holds is told by its name (``student_id``, ``user_login``), by its object (the ``id``
and ``name`` of something that is a ``user`` or of Caliper's type Person), and by its text (URNs,
URLs, e-mail addresses). Texts that people wrote may name anybody: no rule finds that, so they are
left out as a whole if the rules say so.
"""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, Literal

from pipeline.codecs.json_text import NotJson, canonical_json
from pipeline.codecs.personal_texts import PersonalTexts
from pipeline.codecs.privacy_rules import REMOVED, PrivacyRules, Replacements

_IDS: Final = re.compile(
    r"(?:.*_)?(?:user|student|grader|author|assessor|observer|observee|member|actor|sender"
    r"|recipient|creator|owner|teacher|reviewer|participant)_ids?|scoredby|become_user",
)
_NAMES: Final = re.compile(
    r"(?:.*_)?(?:user_name|user_login|login|login_id|unique_id|email|e_mail|email_address|user_uuid"
    r"|user_sis_id|student_sis_id|sis_user_id|lti_user_id|short_name|sortable_name|full_name"
    r"|first_name|last_name|pronouns|avatar_url|avatar_image_url)",
)
_OF_A_PERSON: Final = frozenset({"name", "display_name", "sis_id", "sis_source_id", "uuid", "bio"})
_IDS_OF_A_PERSON: Final = frozenset({"id", "entity_id"})
_PEOPLE: Final = re.compile(
    r"(?:.*_)?(?:user|actor|assignee|student|author|grader|creator|observer|observee|sender|owner"
    r"|teacher|reviewer|member)s?|creators",
)
_SAYS_PERSON: Final = frozenset({"short_name", "sortable_name", "user_login", "login_id", "email"})
"""An object with one of these members is a person, whatever it is called."""
_ADDRESSES: Final = frozenset({"client_ip", "remote_ip", "ip", "ip_address"})
_WRITTEN: Final = frozenset(
    {"body", "old_body", "text", "message", "comment", "comments", "html", "url_text"}
)
_USER_URN: Final = re.compile(r"urn:instructure:canvas:user:")


_TELL_CONTEXT: Final = ("context_type", "asset_type")
_OF_A_CONTEXT: Final = frozenset({"context_id", "asset_id", "entity_id"})
_Kind = Literal["people", "name", "address", "user_agent", "written", "other"]


@lru_cache(maxsize=10_000)
def _kind_of(name: str, person: bool, of_user: bool) -> _Kind:  # noqa: FBT001 - its cache's key
    """Tell what a member of that name holds, in a person's object or one about a user."""
    lowered = name.lower()
    if lowered in _ADDRESSES:
        return "address"
    if lowered == "user_agent":
        return "user_agent"
    if lowered in _WRITTEN:
        return "written"
    if _NAMES.fullmatch(lowered) or (person and lowered in _OF_A_PERSON):
        return "name"
    if (
        _IDS.fullmatch(lowered)
        or _PEOPLE.fullmatch(lowered)
        or (person and lowered in _IDS_OF_A_PERSON)
        or (of_user and lowered in _OF_A_CONTEXT)
    ):
        return "people"
    return "other"


class PersonalJson:
    """Replaces people in JSON texts, by rules; ``shard`` as in ``PersonalTexts``."""

    def __init__(
        self, rules: PrivacyRules, texts: PersonalTexts, replacements: Replacements
    ) -> None:
        self._rules = rules
        self._texts = texts
        self._replacements = replacements

    def replaced(self, text: str, shard: int | None) -> str:
        """Return a JSON text without people; canonical if it was."""
        try:
            value = json.loads(text)
        except ValueError:
            return self._replacements.url(text, shard)
        return canonical_json(self._walk(value, shard, person=False))

    def _walk(self, value: Any, shard: int | None, *, person: bool) -> Any:
        if isinstance(value, dict):
            return self._object(value, shard, person=person)
        if isinstance(value, list):
            return [self._walk(item, shard, person=person) for item in value]
        return self._string(value, shard) if isinstance(value, str) else value

    def _object(self, value: dict[str, Any], shard: int | None, *, person: bool) -> dict[str, Any]:
        urn = value.get("id")
        if person:
            person = not _is_other_thing(urn)
        if not person:
            person = (
                value.get("type") == "Person"
                or not _SAYS_PERSON.isdisjoint(value)
                or (isinstance(urn, str) and _USER_URN.match(urn) is not None)
            )
        of_user = any(str(value.get(name)).lower() == "user" for name in _TELL_CONTEXT)
        replaced = {}
        for name, item in value.items():
            if item is None or item is True or item is False:
                replaced[name] = item
            else:
                kind = _kind_of(name, person, of_user)
                replaced[name] = self._member(kind, item, shard, person=person)
        return replaced

    def _member(self, kind: _Kind, item: Any, shard: int | None, *, person: bool) -> Any:
        if kind == "other" or (kind == "written" and self._rules.texts == "keep"):
            return self._walk(item, shard, person=person)
        if kind == "people":
            return self._people(item, shard)
        if kind == "name":
            return _each(item, self._replacements.name)
        if kind == "address":
            return _each(item, self._replacements.address)
        if kind == "user_agent":
            return _each(item, self._replacements.user_agent)
        return REMOVED

    def _people(self, item: Any, shard: int | None) -> Any:
        """Replace ids: numbers stay numbers, texts texts; lists and objects by member."""
        if isinstance(item, dict):
            return self._object(item, shard, person=True)
        if isinstance(item, list):
            return [self._people(each, shard) for each in item]
        if self._rules.users == "keep" or item is None or isinstance(item, bool | float):
            return item
        if isinstance(item, int):
            return self._texts.person(item, shard)
        return (
            self._texts.replaced(item, shard) if "urn:" in item else self._texts.value(item, shard)
        )

    def _string(self, text: str, shard: int | None) -> str:
        if text[:1] in "{[" and text[-1:] in "}]" and text:
            try:
                return self.replaced(text, shard)
            except (NotJson, RecursionError):
                return REMOVED
        return self._replacements.url(text, shard)


def _is_other_thing(urn: Any) -> bool:
    return isinstance(urn, str) and urn.startswith("urn:") and not _USER_URN.match(urn)


def _each(item: Any, replace: Callable[[str], str]) -> Any:
    if isinstance(item, list):
        return [_each(each, replace) for each in item]
    if isinstance(item, dict):
        return {name: _each(each, replace) for name, each in item.items()}
    return replace(str(item)) if item is not None else None
