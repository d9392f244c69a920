"""Finds people in texts: in URLs, in URNs, e-mail addresses wherever they stand.

A URL names people by the ids behind ``/users/``, ``/submissions/`` (Canvas addresses them by user),
``/grades/`` and the like, by parameters whose names speak of people or are searched for, by context
codes (``user_5``) and by foreign ids (``sis_user_id:…``). It is written for two engines: polars
looks for rows that have anything of it, Python replaces. Rather too much than too little.
"""

import re
from typing import Final
from urllib.parse import unquote

from pipeline.codecs.canonical import SHARD, canvas_id, local_id
from pipeline.codecs.pseudonyms import Pseudonyms

_SLASH: Final = r"(?:/|%(?:25)*2[fF])"
_COLON: Final = r"(?::|%(?:25)*3[aA])"
_EQUALS: Final = r"(?:=|%(?:25)*3[dD])"
_ID: Final = r"-?[0-9]+(?:(?:~|%(?:25)*7[eE])[0-9]+)?"
_VALUE: Final = r"[^&#\s\"'<>\\]+"
_PLACES: Final = (
    "users",
    "submissions",
    "grades",
    "observees",
    "observers",
    "about",
    "students",
    "student_summaries",
    "messages_to",
    "anonymous_submissions",
)
_PEOPLE: Final = (
    *("user", "student", "grader", "assessor", "author", "observer", "observee", "recipient"),
    *("participant", "sender", "reviewer", "login", "email", "e-mail", "mail"),
)
_SEARCHES: Final = (
    *("search_term", "search", "query", "q", "name", "short_name", "full_name", "first_name"),
    *("last_name", "sortable_name", "display_name", "unique_id", "sis_id", "address"),
)
_FOREIGN: Final = (
    *("sis_user_id", "sis_login_id", "sis_integration_id", "lti_user_id", "lti_1_1_id"),
    "users/uuid",  # urn:uuid: is nobody
)
_ROLES: Final = ("user", "Instructor", "Learner", "Mentor", "ContentDeveloper", "Administrator")

_NAMED: Final = "|".join(
    (
        # A parameter: its name, then what is before the value, then the value.
        r"(?P<name>(?:" + "|".join(_PEOPLE) + r")[A-Za-z0-9_.\-]{0,40}"
        r"|\b(?:" + "|".join(_SEARCHES) + r"))"
        r"(?P<equals>(?:\[|\]|%(?:25)*5[bBdD])*" + _EQUALS + r")(?P<value>" + _VALUE + r")",
        r"(?P<foreign>\b(?:" + "|".join(_FOREIGN) + r")" + _COLON + r")(?P<who>[^/&?#\s\"'<>\\]+)",
        rf"(?P<place>{_SLASH}(?:" + "|".join(_PLACES) + rf"){_SLASH})(?P<id>{_ID})",
        r"(?P<urn>:(?:" + "|".join(_ROLES) + r"):)(?P<number>-?[0-9]+)",
        r"(?P<code>\busers?_)(?P<coded>-?[0-9]+)",
    )
)
_MAIL: Final = (
    r"[A-Za-z0-9_.+\-]{1,64}"
    r"(?:(?:@|%(?:25)*40)[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63})+)+"
)
PERSONAL: Final = f"(?i){_NAMED}|{_MAIL}"
"""Whatever is replaced matches it.

Understood alike by Python and by Rust's regex crate: no look-around, no back references.
"""

_NAMED_RE: Final = re.compile(_NAMED, re.IGNORECASE)
_MAIL_RE: Final = re.compile(_MAIL, re.IGNORECASE)
_TELL_TALES: Final = (
    *(*_PEOPLE, *_PLACES, *(role.lower() for role in _ROLES), "sis_", "lti_"),
    *("search", "query", "q=", "q%", "q]", "name", "unique_id", "address"),
)
"""Lower case; a text with none of them, and no sign of an e-mail address, names nobody."""
_NOBODY: Final = frozenset({"self", "me", "all", "any", "none", "true", "false", "null", "default"})
_CODE: Final = re.compile(r"(users?_)(-?[0-9]+)", re.IGNORECASE)
_WHOLE: Final = re.compile(r"-?[0-9]{1,19}(?:~[0-9]{1,13})?")


class PersonalTexts:
    """Replaces people in texts by their pseudonyms.

    ``shard`` in its methods is the shard whose global ids are written in local form (rule 2).
    """

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms

    def replaced(self, text: str, shard: int | None = None) -> str:
        """Return the text with every person that is found in it replaced."""
        lowered = text.lower()
        for word in _TELL_TALES:
            if word in lowered:
                text = self._without_named(text, shard)
                break
        if "@" in text or "40" in text:
            text = _MAIL_RE.sub(lambda found: self._pseudonyms.text(_plain(found[0])), text)
        return text

    def _without_named(self, text: str, shard: int | None) -> str:
        def replace(found: re.Match[str]) -> str:
            kind = found.lastgroup
            if kind == "value":
                return found["name"] + found["equals"] + self.value(found["value"], shard)
            if kind == "who":
                return found["foreign"] + self._pseudonyms.text(_plain(found["who"]))
            if kind == "id":
                return found["place"] + self.identity(_plain(found["id"]), shard)
            if kind == "number":
                return found["urn"] + self.identity(found["number"], shard)
            return found["code"] + self.identity(found["coded"], shard)

        return _NAMED_RE.sub(replace, text)

    def value(self, text: str, shard: int | None = None) -> str:
        """Return what stands for a parameter's or member's value that names people."""
        parts = _plain(text).split(",")
        return ",".join(self._one(part.strip(), shard) for part in parts)

    def identity(self, text: str, shard: int | None = None) -> str:
        """Return what stands for a user id written as text."""
        try:
            number = canvas_id(text)
        except ValueError:
            return self._pseudonyms.text(text)
        return text if number is None else str(self.person(number, shard))

    def person(self, number: int, shard: int | None = None) -> int:
        """Return what stands for a user id; the same from its local and its global form."""
        if number >= 0 and number % SHARD == 0:
            return 0
        return self._pseudonyms.person(local_id(number, shard))

    def _one(self, text: str, shard: int | None) -> str:
        if text.lower() in _NOBODY or not text:
            return text
        if _WHOLE.fullmatch(text):
            return self.identity(text, shard)
        if code := _CODE.fullmatch(text):
            return code[1] + self.identity(code[2], shard)
        return self._pseudonyms.text(text.partition(":")[2] or text)


def _plain(text: str) -> str:
    while "%" in text and (plain := unquote(text)) != text:
        text = plain
    return text
