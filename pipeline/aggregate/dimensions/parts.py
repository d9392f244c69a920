"""Parts of keys, and members: what a row with traits says, as texts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.aggregate.arrow_texts import I64, Texts, picked, texts_of
from pipeline.aggregate.networks import networks_of
from pipeline.aggregate.numbers import texts_of_numbers

Flags = npt.NDArray[np.bool_]
I32 = npt.NDArray[np.int32]


class Column(NamedTuple):
    """A text for each row; ``present`` says where there is one (None: everywhere)."""

    texts: Texts
    present: Flags | None = None


class Rows(Protocol):
    """The rows that have traits."""

    @property
    def traits(self) -> I32:
        """The traits of each."""

    def text(self, name: str) -> Column:
        """Return a column of texts of the event batch."""

    def number(self, name: str) -> tuple[I64, Flags | None]:
        """Return a column of whole numbers, and where there is one (None: everywhere)."""


class Part(NamedTuple):
    """A way from rows to texts.

    ``column`` with ``word`` for its nulls says the same, if there is such a column.
    """

    read: Callable[[Rows], Column]
    column: str | None = None
    word: bytes | None = None


def text(name: str) -> Part:
    """Return the part that is a column of texts."""
    return Part(lambda rows: rows.text(name), name)


def number(name: str) -> Part:
    """Return the part that is a column of whole numbers."""

    def read(rows: Rows) -> Column:
        values, present = rows.number(name)
        return Column(texts_of_numbers(values), present)

    return Part(read)


def first_of(one: Part, other: Part) -> Part:
    """Return the part that is the first of two that is there."""

    def read(rows: Rows) -> Column:
        left, right = one.read(rows), other.read(rows)
        return left if left.present is None else _filled(left.texts, left.present, right)

    return Part(read)


def or_else(one: Part, word: str) -> Part:
    """Return the part with a word where there is none."""
    pool = _pool([word])

    def read(rows: Rows) -> Column:
        left = one.read(rows)
        if left.present is None:
            return left
        same = Column(_words(np.zeros(len(left.present), np.int64), pool))
        return _filled(left.texts, left.present, same)

    return Part(read, one.column, None if one.word else word.encode())


def only(one: Part, trait: int) -> Part:
    """Return the part for rows with a trait; there is none for the others."""

    def read(rows: Rows) -> Column:
        found, has = one.read(rows), (rows.traits & trait) != 0
        return Column(found.texts, has if found.present is None else found.present & has)

    return Part(read)


def where(one: Part, other: Part) -> Part:
    """Return the part for rows that have another part too; there is none for the others."""

    def read(rows: Rows) -> Column:
        found, has = one.read(rows), other.read(rows).present
        flags = [present for present in (found.present, has) if present is not None]
        return Column(found.texts, np.logical_and.reduce(flags) if flags else None)

    return Part(read)


def word_by_trait(words: Sequence[tuple[int, str]]) -> Part:
    """Return the word of the first trait that a row has; there is none without such a trait."""
    pool = _pool([*(word for _, word in words), ""])

    def read(rows: Rows) -> Column:
        code = np.full(len(rows.traits), len(words))
        for place in range(len(words) - 1, -1, -1):
            code[(rows.traits & words[place][0]) != 0] = place
        return Column(_words(code, pool), code < len(words))

    return Part(read)


def word_by_text(column: str, words: Mapping[str, str]) -> Part:
    """Return the words for texts, of rows so few that Python looks at each."""

    def read(rows: Rows) -> Column:
        texts, present = rows.text(column)
        places = np.arange(len(texts.offsets) - 1) if present is None else np.flatnonzero(present)
        found = dict(zip(places.tolist(), texts.series()[places].to_list(), strict=True))
        said = [words.get(found.get(row, "")) for row in range(len(texts.offsets) - 1)]
        return Column(
            texts_of(pl.Series([word or "" for word in said], dtype=pl.String)),
            np.array([word is not None for word in said], bool),
        )

    return Part(read)


def _pool(words: Sequence[str]) -> Texts:
    return texts_of(pl.Series(words, dtype=pl.String))


def _words(code: I64, pool: Texts) -> Texts:
    starts = pool.offsets[code]
    return picked(starts, pool.offsets[code + 1] - starts, pool.data)


def _filled(texts: Texts, present: Flags, other: Column) -> Column:
    """Return texts where they are present, else those of another column."""
    begin = np.where(present, texts.offsets[:-1], other.texts.offsets[:-1] + len(texts.data))
    lengths = np.where(present, np.diff(texts.offsets), np.diff(other.texts.offsets))
    found = picked(begin, lengths, np.concatenate([texts.data, other.texts.data]))
    return Column(found, None if other.present is None else present | other.present)


def _networks(rows: Rows) -> Column:
    addresses, present = IP.read(rows)
    return Column(networks_of(addresses), present)


IP: Final = text("ip")
ACTOR: Final = number("actor")
USER: Final = number("user")
COURSE: Final = number("course")
DEVELOPER_KEY: Final = number("developer_key")
AGENT: Final = text("user_agent")
SESSION: Final = text("session_id")
PATH: Final = text("path")
DOER: Final = number("doer")
SUBJECT: Final = number("subject")
CONTROLLER: Final = or_else(text("controller"), "unspecified")
ACTION: Final = or_else(text("action"), "unspecified")
NETWORK: Final = Part(_networks)
