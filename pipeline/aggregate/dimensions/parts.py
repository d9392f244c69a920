"""Parts of keys, and members: how a row with traits comes to a text.

What is said here is done by ``part_kernels``, for all rows in one call.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from pipeline.aggregate import part_kernels as kernels


class Word(NamedTuple):
    """What a part says of a row that has a trait, or a text that is asked for."""

    said: str
    trait: int = 0
    asked: str = ""


class Part(NamedTuple):
    """A way from rows to texts: out of a column, out of other parts, or a word of some."""

    kind: int
    column: str = ""
    of: tuple["Part", ...] = ()
    words: tuple[Word, ...] = ()
    trait: int = 0


def text(name: str) -> Part:
    """Return the part that is a column of texts."""
    return Part(kernels.TEXT, name)


def number(name: str) -> Part:
    """Return the part that is a column of whole numbers, in decimal."""
    return Part(kernels.NUMBER, name)


def first_of(one: Part, other: Part) -> Part:
    """Return the part that is the first of two that is there."""
    return Part(kernels.FIRST_OF, of=(one, other))


def or_else(one: Part, word: str) -> Part:
    """Return the part with a word where there is none."""
    return first_of(one, Part(kernels.WORD, words=(Word(word),)))


def only(one: Part, trait: int) -> Part:
    """Return the part for rows with a trait; there is none for the others."""
    return Part(kernels.ONLY, of=(one,), trait=trait)


def where(one: Part, other: Part) -> Part:
    """Return the part for rows that have another part too; there is none for the others."""
    return Part(kernels.WHERE, of=(one, other))


def word_by_trait(words: Sequence[tuple[int, str]]) -> Part:
    """Return the word of the first trait that a row has; there is none without such a trait."""
    return Part(kernels.WORD_BY_TRAIT, words=tuple(Word(said, trait) for trait, said in words))


def word_by_text(column: str, words: Mapping[str, str]) -> Part:
    """Return the words for texts of a column; there is none for others."""
    said = tuple(Word(said, asked=asked) for asked, said in words.items())
    return Part(kernels.WORD_BY_TEXT, of=(text(column),), words=said)


def id_behind(before: str, one: Part) -> Part:
    """Return the first id (digits, or ``shard~local``) behind some text in a part."""
    return Part(kernels.ID_BEHIND, of=(one,), words=(Word("", asked=before),))


def network_of(one: Part) -> Part:
    """Return the /24 of IPv4 and the /48 of IPv6 addresses, any other text as it is.

    Homes and campuses get at least a /64, mostly a /48 to /56 (RFC 6177), so people move within
    a /48; a /24 is the smallest IPv4 network that is routed by itself.
    """
    return Part(kernels.NETWORK, of=(one,))


def column_and_word(part: Part) -> tuple[str, str] | None:
    """Return the column of texts and the word for its nulls that a part is; None if it is none."""
    if part.kind != kernels.FIRST_OF:
        return None
    one, other = part.of
    is_one = one.kind == kernels.TEXT and other.kind == kernels.WORD
    return (one.column, other.words[0].said) if is_one else None


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
NETWORK: Final = network_of(IP)
