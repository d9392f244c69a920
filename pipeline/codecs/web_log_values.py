"""Plain lines of a DAP export → open values, with no columns of texts in between.

Texts are copied once, from the line into the value. What few rows have (secrets, sentinels, no
session) is seen to in Python, once for equal texts where many are equal; what is unusual beyond
that is left to the other ways, which make columns of it. Values are the same whichever way a row
takes; a property test holds that.
"""

from functools import lru_cache, partial
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from pipeline.codecs.arrow_bytes import Bytes, Int64s, from_matrix
from pipeline.codecs.canonical import SHARD, text_or_none
from pipeline.codecs.encodable import Column, Flags, TextPlaces
from pipeline.codecs.json_lines import JsonLines
from pipeline.codecs.open_values import OpenValues
from pipeline.codecs.plain_texts import PlainTexts
from pipeline.codecs.redaction import redact_text
from pipeline.codecs.web_log_fields import IDS, NULLABLE_TEXTS, REQUIRED_TEXTS, WHOLES
from pipeline.codecs.web_log_plain import NUMBERS, TEXTS, Parsed, parse_plain
from pipeline.domain.event_time import EARLIEST, FUTURE_TOLERANCE

_MANIFOLD: Final = ("url", "remote_ip")
"""Columns whose texts are nearly all different; of the others each text is looked at once."""
_REPEATED: Final = tuple(
    name for name in (*REQUIRED_TEXTS, *NULLABLE_TEXTS) if name not in _MANIFOLD
)
_LONG: Final = 512
"""Characters of a text that is not worth remembering."""
_GROWTH: Final = 4
"""A mask may be longer than what it hides: lines near the limit of a record are left."""


_Ids = tuple[Int64s, Flags]
"""Numbers of rows, and where there are any."""


class PlainValues(NamedTuple):
    """``rows`` are open values of plain lines, ``left`` the places of the other lines."""

    rows: pl.DataFrame
    left: Int64s


class Judge(NamedTuple):
    """What rows are judged by, as ``web_log_rows.Origin`` has it."""

    now: int
    home_shard: int | None
    record_limit: int


def read_values(lines: JsonLines, judge: Judge, values: OpenValues, key: pl.Expr) -> PlainValues:
    """Encode what is plain; ``key`` gives the keys of rows without a session."""
    parsed = parse_plain(lines)
    texts, plain = PlainTexts(parsed, lines.data), parsed.plain
    times = parsed.values[NUMBERS.index("timestamp")]
    plain &= (times >= EARLIEST) & (times <= judge.now + FUTURE_TOLERANCE)
    plain &= (lines.ends - lines.starts) * _GROWTH <= judge.record_limit
    digits, are_sessions = texts.digits("session_id")
    plain &= texts.are_uuids("id") & (are_sessions | ~parsed.there("session_id"))
    _clean(texts, plain)
    columns: dict[str, Column] = {name: texts.places(name) for name in TEXTS}
    ids = _ids(parsed, judge.home_shard)
    columns |= ids | _numbers(parsed)
    columns["session_id"] = TextPlaces.of_matrix(digits, are_sessions)
    columns["extra"] = TextPlaces.of_matrix(digits, np.zeros(len(plain), bool))
    columns["truncated"] = np.zeros(len(plain), bool)
    keys = _keys(texts, ids, digits, are_sessions, key)
    rows = values.opened(columns, keys).with_columns(pl.Series("timestamp", times))
    if plain.all():
        return PlainValues(rows, np.zeros(0, np.int64))
    return PlainValues(rows.filter(pl.Series(plain)), np.flatnonzero(~plain))


def _ids(parsed: Parsed, home_shard: int | None) -> dict[str, _Ids]:
    found: dict[str, _Ids] = {}
    for name in IDS:
        ids = parsed.values[NUMBERS.index(name)]
        if home_shard is not None:
            home = (ids >= SHARD) & (ids // SHARD == home_shard)
            ids = np.where(home, ids % SHARD, ids)
        found[name] = ids, parsed.there(name)
    return found


def _numbers(parsed: Parsed) -> dict[str, Column]:
    read = {name: parsed.values[place] for place, name in enumerate(NUMBERS)}
    columns: dict[str, Column] = {name: read[name] for name in ("timestamp", *WHOLES)}
    columns["participated"] = read["participated"].astype(bool)
    columns["committed_at"] = read["committed_at"], parsed.there("committed_at")
    return columns


def _clean(texts: PlainTexts, plain: Flags) -> None:
    """Take secrets and sentinels out of the texts."""
    texts.replace("url", texts.suspects("url"), redact_text)
    suspects = texts.suspects("remote_ip")
    addresses = texts.given("remote_ip").gather(suspects).to_list()
    # Keys may be made of them: such a row is left.
    for row, address in zip(suspects.tolist(), addresses, strict=True):
        plain[row] = redact_text(address) == address
    for name in _REPEATED:
        texts.replace_each(name, partial(_cleaned, name))


def _cleaned(name: str, text: str) -> str | None:
    return _remembered(name, text) if len(text) <= _LONG else _judged(name, text)


def _judged(name: str, text: str) -> str | None:
    if name == "http_version":
        text = text.removeprefix("HTTP/")
    if name in NULLABLE_TEXTS and text_or_none(text) is None:
        return None
    return redact_text(text)


_remembered: Final = lru_cache(4096)(_judged)


def _keys(
    texts: PlainTexts,
    ids: dict[str, _Ids],
    digits: Bytes,
    are_sessions: Flags,
    key: pl.Expr,
) -> pl.Series:
    keys = pl.Series(from_matrix(digits)).cast(pl.Binary)
    rows = np.flatnonzero(~are_sessions)
    if not rows.size:
        return keys
    frame = pl.DataFrame({"id": texts.given("id"), "remote_ip": texts.given("remote_ip")})
    frame = frame[rows].with_columns(pl.lit(None, pl.String).alias("session_id"))
    people = (_holey(name, *ids[name], rows) for name in ("user_id", "real_user_id"))
    found = frame.with_columns(people).select(key.cast(pl.Binary)).to_series()
    return keys.scatter(rows, found)


def _holey(name: str, values: Int64s, there: Flags, rows: Int64s) -> pl.Series:
    some = pl.Series(name, values[rows])
    return some.set(pl.Series(~there[rows]), None)
