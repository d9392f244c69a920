"""Secrets in bytes that nobody may be able to parse: dead letters are kept as they came, masked.

JSON that is cut or broken, headers as pairs of name and value, JSON inside of JSON, records of a
table: members are found by their look, as text, and all of a value goes rather than too little.
"""

import re
from typing import Final

from pipeline.codecs.redaction import MASK, is_secret_key, redact_text

_JSON_STRING: Final = re.compile(r'"([^"\\]{1,80})"(\s*:\s*)("(?:[^"\\]|\\.)*"?|-?[0-9][^\s,}\]]*)')
_JSON_PAIR: Final = re.compile(
    r'((?:"(?:name|key|header)"\s*:\s*"([^"\\]{1,80})"\s*,\s*"value"\s*:\s*)'
    r'|(?:\[\s*"([^"\\]{1,80})"\s*,\s*))"(?:[^"\\]|\\.)*"?'
)
_JSON_CONTAINER: Final = re.compile(r'"([^"\\]{1,80})"\s*:\s*(?=[\[{])')
_JSON_PART: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]')
_JSON_IN_JSON: Final = re.compile(r'(\\+"([^"\\]{1,80})\\+"\s*:\s*)(\\+"[^"\\]*|-?[0-9][0-9.]*)')

_COLUMN_ENDS: Final = re.compile(r"[,\t]")


def redact_bytes(payload: bytes) -> bytes:
    """Mask secrets in bytes that nobody may be able to parse: as text, JSON members included."""
    # Latin-1 maps every byte to one character and back, so what is no secret stays as it was.
    text = payload.decode("latin-1")
    text = _mask_members(text)
    if text.lstrip()[:1] not in ("{", "["):
        text = _mask_record(text)
    return redact_text(text).encode("latin-1")


def _mask_member(member: re.Match[str]) -> str:
    return f'"{member[1]}"{member[2]}"{MASK}"' if is_secret_key(member[1]) else member[0]


def _mask_members(text: str) -> str:
    text = _JSON_STRING.sub(_mask_member, text)
    text = _mask_containers(_JSON_PAIR.sub(_mask_pair, text))
    return _JSON_IN_JSON.sub(_mask_nested_member, text)


def _mask_record(text: str) -> str:
    """Mask a record of a table behind its header.

    All of it where a column has a secret name: which field that is, nobody knows of a record with
    too many or too few. CSV doubles the quotes of JSON in a field.
    """
    head, end, record = text.partition("\n")
    names = [name.strip('" \r') for name in _COLUMN_ENDS.split(head)]
    if record and len(names) > 1 and any(map(is_secret_key, names)):
        return f"{head}{end}{MASK}"
    if '""' not in text:
        return text
    plain = text.replace('""', '"')
    masked = _mask_members(plain)
    return text if masked == plain else masked


def _mask_pair(pair: re.Match[str]) -> str:
    return f'{pair[1]}"{MASK}"' if is_secret_key(pair[2] or pair[3]) else pair[0]


def _mask_containers(text: str) -> str:
    """Mask arrays and objects under secret names, to their ends or to that of the text."""
    pieces: list[str] = []
    done = 0
    for member in _JSON_CONTAINER.finditer(text):
        if member.start() < done or not is_secret_key(member[1]):
            continue
        depth, end = 0, len(text)
        for part in _JSON_PART.finditer(text, member.end()):
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(part[0], 0)
            if depth == 0:
                end = part.end()
                break
        pieces += (text[done : member.end()], f'"{MASK}"')
        done = end
    return "".join((*pieces, text[done:])) if pieces else text


def _mask_nested_member(member: re.Match[str]) -> str:
    if not is_secret_key(member[2]):
        return member[0]
    quote = member[3][: member[3].index('"') + 1] if '"' in member[3] else ""
    return f"{member[1]}{quote}{MASK if quote else 0}"
