r"""Removes secrets from texts before they reach Kafka.

One definition for every feed: ``redact_text`` decides, everything else finds the texts that are
worth asking. A text without any of the tell-tale words costs one search for them.

What counts as a secret: tokens, verifiers, OAuth codes and states, signatures, SAML and LTI
messages, single sign-on tickets, calendar and feed tokens in paths, credentials and cookies in HTTP
headers, Canvas access tokens and JSON web tokens wherever they stand; and the login in
``sis_login_id:…``, which is personal. Names may be percent-encoded (any number of times) or
``\uXXXX``-escaped, URLs may be nested in parameters.
A value ends at the next real ``&``, ``#``, quote, angle bracket, backslash or white space, so a URL
nested behind a secret is masked with it: rather too much than too little.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import unquote

import numpy as np
import polars as pl

from pipeline.codecs.json_text import canonical_json

MASK: Final = "REDACTED"

_SECRET_ENDINGS: Final = (
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "signature",
    "verifier",
    "jwt",
    "samlrequest",
    "samlresponse",
    "samlart",
    "relaystate",
    "apikey",
    "api_key",
    "api-key",
    "private_key",
    "cookie",
    "sessionid",
    "sessid",
    "_session",
    "credential",
    "assertion",
    "lti_message_hint",
    "login_hint",
    "access_code",
    "accesskeyid",
    "authorization",
    "nonce",
    "hmac",
)
_SECRET_PARAMETERS: Final = frozenset(
    {"code", "state", "sig", "ticket", "execution", "pgt", "pgtiou", "pwd", "pass"}
)
"""Secret as URL parameters only: in a body ``state`` is the state of an enrollment."""

_TELL_TALES: Final = (
    *("token", "secret", "passw", "passphrase", "signature", "verifier", "jwt", "saml"),
    *("relaystate", "apikey", "api_key", "api-key", "private_key", "cookie", "sessionid"),
    *("sessid", "_session", "credential"),
    *("assertion", "_hint", "access_code", "accesskeyid", "authorization", "nonce", "hmac"),
    *("ticket", "execution", "pgt", "pwd", "pass=", "pass%", "pass\\", "pass]"),
    *("code=", "code%", "code\\", "code]", "state=", "state%", "state\\", "state]"),
    *("sig=", "sig%", "sig\\", "sig]", '"sig"', "feeds", "sis_login_id", "bearer", "basic "),
    *("eyj", "change_password", "register/", "register%", "register\\", "invitation"),
)
"""Lower case; a text with none of them and none of the escapes below is clean."""

_ESCAPES: Final = (
    *("~", "%7e", "%25", "\\u00", "%4", "%6", "%7"),
    *(f"%5{digit}" for digit in "0123456789af"),
)
"""What Canvas tokens and escaped letters begin with; %5B and %5D are only brackets."""
WORDS: Final = _TELL_TALES + _ESCAPES
"""Lower case; a text with none of them, whatever its case, is clean."""

_SECRETS_NEED: Final = re.compile(r"[=%/\\~:.+\s]")
"""Every pattern below has one of these; most short values of JSON have none."""

_EQUALS: Final = re.compile(r"=|%(?:25)*3d|\\+u003d", re.IGNORECASE)
_VALUE: Final = re.compile(r"[^&#\s\"'<>\\]+")
_NAME_BACKWARDS: Final = re.compile(r"(\]\[|\])?([a-z0-9_.\-]+)")
_UNICODE_ESCAPE: Final = re.compile(r"\\+u([0-9a-fA-F]{4})")
_LONGEST_NAME: Final = 400
"""Characters before an equals sign that may belong to an (escaped) parameter name."""
_LONGEST_PLAIN_NAME: Final = 64

_END: Final = r"[^/&?#\s\"'<>\\]+"
_SLASH: Final = r"(?:\\*/|%(?:25)*2f)"
_Replacement = str | Callable[[re.Match[str]], str]
_Words = tuple[str, ...]
_PATTERNS: Final[tuple[tuple[_Words, re.Pattern[str], _Replacement], ...]] = (
    (
        ("feeds",),
        re.compile(
            rf"(feeds{_SLASH}[^\s\"'<>?#&]*?(?:_|%(?:25)*5f))[^/.?#&\s\"'<>\\]+", re.IGNORECASE
        ),
        rf"\g<1>{MASK}",
    ),
    (
        ("change_password", "register", "invitation"),
        re.compile(rf"((?:change_password|register|invitations?){_SLASH}){_END}", re.IGNORECASE),
        rf"\g<1>{MASK}",
    ),
    (
        ("sis_login_id",),
        re.compile(rf"(sis_login_id(?::|%(?:25)*3a)){_END}", re.IGNORECASE),
        rf"\g<1>{MASK}",
    ),
    (("eyj",), re.compile(r"eyJ[\w-]{10,}\.[\w-]{4,}(?:\.[\w-]*)*"), MASK),
    # Canvas access tokens are shard~letters and digits; ids of other shards have digits only.
    (
        ("~", "7e"),
        re.compile(r"[0-9]+(?:~|%(?:25)*7e)[0-9]*[a-z][a-z0-9]*", re.IGNORECASE),
        MASK,
    ),
    (
        ("bearer", "basic"),
        re.compile(r"((?:bearer|basic)(?:\s|%20|\+)+)[a-z0-9._~+/=-]{8,}", re.IGNORECASE),
        rf"\g<1>{MASK}",
    ),
    # A line of headers; in JSON its end is an escape.
    (
        ("authorization", "api-key", "cookie"),
        re.compile(
            r"((?:authorization|api-key|cookie)\s*(?::|%(?:25)*3a)(?:\s|%(?:25)*20|\+)*)"
            r"[^\r\n\"'<>\\]+",
            re.IGNORECASE,
        ),
        rf"\g<1>{MASK}",
    ),
)
"""Patterns, and words of which an ASCII text (in lower case) has one if the pattern is in it."""

_NAMING: Final = ("name", "key", "header")
"""Members that name what stands beside them as ``value``: one way to write down headers."""


def is_secret_parameter(name: str) -> bool:
    """Tell whether a URL parameter of that (lower-case) name holds a secret."""
    return name in _SECRET_PARAMETERS or name.removesuffix("[]").endswith(_SECRET_ENDINGS)


def is_secret_key(name: str) -> bool:
    """Tell whether a JSON member of that name holds a secret."""
    lowered = name.lower()
    return lowered == "sig" or lowered.endswith(_SECRET_ENDINGS)


def may_hold_secrets(text: str) -> bool:
    """Tell whether a text needs ``redact_text`` at all; never false where that would change it."""
    if _SECRETS_NEED.search(text) is None:
        return False
    lowered = text.lower()
    for word in WORDS:  # noqa: SIM110 (any() with a generator takes twice as long)
        if word in lowered:
            return True
    return False


def redact_text(text: str) -> str:
    """Return the text with every secret replaced by ``MASK``; doing it twice changes nothing."""
    if not may_hold_secrets(text):
        return text
    text = _redact_parameters(text)
    # Some letters beyond ASCII match those of a pattern and have another lower case.
    lowered = text.lower() if text.isascii() else None
    for words, pattern, replacement in _PATTERNS:
        if lowered is None or any(word in lowered for word in words):
            text = pattern.sub(replacement, text)
    return text


def redact_json(value: Any) -> Any:
    """Return a JSON value with secrets masked in every string, and under every secret name."""
    if isinstance(value, str):
        return _redact_string(value)
    if isinstance(value, dict):
        if "value" in value and any(_names_secret(value.get(name)) for name in _NAMING):
            value = value | {"value": _masked(value["value"])}
        return {
            redact_text(name): _masked(item) if is_secret_key(name) else redact_json(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        if len(value) == 2 and _names_secret(value[0]):  # a header and its value
            return [redact_text(value[0]), _masked(value[1])]
        return [redact_json(item) for item in value]
    return value


def _redact_string(text: str) -> str:
    """Redact a text; one that is JSON itself by its members too."""
    if text[:1] in ("{", "[") and text[-1:] in ("}", "]"):
        try:
            inner = json.loads(text)
            masked = redact_json(inner)
            if masked != inner:
                return canonical_json(masked)
        except (ValueError, RecursionError):
            pass
    return redact_text(text)


def column_may_hold_secrets(column: pl.Series) -> bool:
    """Tell whether any text of a column needs ``redact_text``; never false where one would."""
    return bool(suspects(column).any())


def redact_column(column: pl.Series) -> pl.Series:
    """Redact a text column; rows without a tell-tale are searched column-wise and left alone."""
    return _redacted(column, _masked_texts)


def redact_json_column(column: pl.Series) -> pl.Series:
    """Redact a column of JSON texts, by members and strings; the searched-for rows only.

    JSON escapes nothing that a tell-tale consists of but quotes and backslashes, and those only
    double: a JSON text without tell-tales has no string with one.
    """
    return _redacted(column, _masked_jsons)


def redact_columns(
    frame: pl.DataFrame, texts: Sequence[str], json_texts: Sequence[str]
) -> pl.DataFrame:
    """Redact the named columns of a frame as the two functions above do.

    All are searched at once: what searches for the words takes 0.5 ms to make, whatever the rows.
    """
    names = (*texts, *json_texts)
    values = pl.concat([frame[name].rename("") for name in names])
    found = suspects(values)
    if not found.any():
        return frame
    places = found.arg_true().to_numpy()
    texts_found, rows = values.gather(places).to_list(), places % frame.height
    ends = np.searchsorted(places, np.arange(len(names) + 1) * frame.height)
    redacted = frame.clone()
    for at, name in enumerate(names):
        low, high = ends[at : at + 2]
        if low < high:
            mask = _masked_texts if at < len(texts) else _masked_jsons
            masked = pl.Series(mask(texts_found[low:high]), dtype=pl.String)
            column = frame[name].scatter(rows[low:high], masked)
            redacted.replace_column(redacted.get_column_index(name), column)
    return redacted


def _redacted(column: pl.Series, mask: Callable[[list[str]], list[str]]) -> pl.Series:
    found = suspects(column)
    if not found.any():
        return column
    rows = found.arg_true()
    masked = mask(column.gather(rows).to_list())
    return column.scatter(rows, pl.Series(masked, dtype=pl.String))


def _masked_texts(texts: list[str]) -> list[str]:
    # Per text, because names must be decoded to be judged: about 5 µs for a URL that is suspect.
    masked = {text: redact_text(text) for text in set(texts)}
    return [masked[text] for text in texts]


def _masked_jsons(texts: list[str]) -> list[str]:
    return [canonical_json(redact_json(json.loads(text))) for text in texts]


def suspects(column: pl.Series) -> pl.Series:
    """Tell which texts have one of ``WORDS``, whatever its case."""
    return column.str.contains_any(list(WORDS), ascii_case_insensitive=True)


def _redact_parameters(text: str) -> str:
    pieces: list[str] = []
    done = 0
    for equals in _EQUALS.finditer(text):
        if equals.start() < done:
            continue
        name = _parameter_name(text[max(done, equals.start() - _LONGEST_NAME) : equals.start()])
        if name is None or not is_secret_parameter(name):
            continue
        value = _VALUE.match(text, equals.end())
        if value is None:
            continue
        pieces += (text[done : equals.end()], MASK)
        done = value.end()
    return "".join((*pieces, text[done:])) if pieces else text


def _parameter_name(before: str) -> str | None:
    name, escaped = _last_name(before)
    if not escaped:
        return name
    before = _UNICODE_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), before)
    while "%" in before and (plain := unquote(before)) != before:
        before = plain
    return _last_name(before)[0]


def _last_name(before: str) -> tuple[str | None, bool]:
    """Return the name at the end, and whether an escape stands right before it."""
    # Backwards, because a search for what stands at the end tries every start.
    backwards = before[:-_LONGEST_PLAIN_NAME:-1].lower()
    found = _NAME_BACKWARDS.match(backwards)
    if found is None:
        return None, backwards[:1] in ("%", "\\")
    # state[]=active is a list of states, not OAuth's state.
    name = found[2][::-1] + ("[]" if found[1] == "][" else "")
    return name, backwards[found.end() : found.end() + 1] in ("%", "\\")


def _masked(value: Any) -> Any:
    if value is None or isinstance(value, bool) or value in ("", [], {}):
        return value
    return MASK


def _names_secret(name: Any) -> bool:
    return isinstance(name, str) and is_secret_key(name)
