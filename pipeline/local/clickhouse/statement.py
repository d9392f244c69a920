"""Reads what a statement is without running it; parts INSERT from the data that follows it.

The engine itself takes data after a blank line for further SQL. So inline data must be cut off
before the engine sees the statement, and never be handed to it as SQL.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from pipeline.local.clickhouse.errors import syntax_error

_TOKEN: Final = re.compile(
    rb"""(?P<skip>\s+|--[^\n]*|\#[!\ ][^\n]*|/\*.*?\*/)
    |'(?:\\.|''|[^'\\])*'|`(?:\\.|``|[^`\\])*`|"(?:\\.|""|[^"\\])*"
    |\$(?P<tag>\w*)\$.*?\$(?P=tag)\$
    |\w+|.""",
    re.DOTALL | re.VERBOSE,
)
_AFTER_FORMAT: Final = re.compile(rb"\s+(\w+)[^\S\n]*(?P<excess>;)?[^\S\n]*\n?")
_NAME_FOLLOWS: Final = (b"INTO", b"TABLE", b"FUNCTION", b".")
_NO_INLINE_DATA: Final = (b"SELECT", b"WITH", b"FROM", b"WATCH", b";")
_OPERAND_FOLLOWS: Final = (b"SELECT", b"BY", b"AS", b"WHERE", b"AND", b"OR", b"NOT", b"DISTINCT")
_WITH_RESULT: Final = frozenset(
    b"SELECT WITH SHOW DESC DESCRIBE EXPLAIN EXISTS CHECK VALUES FROM KILL BACKUP RESTORE".split()
)


class Token(NamedTuple):
    """A word or sign in upper case and where it stands."""

    text: bytes
    start: int
    end: int


class InlineInsert(NamedTuple):
    """``INSERT INTO … FORMAT f <data>``: the statement up to its format, the format, the data."""

    head: str
    format: str
    data: memoryview


class Statement(NamedTuple):
    """What matters about a statement that is not an inline INSERT."""

    verb: bytes
    format: str | None

    @property
    def has_result(self) -> bool:
        """Whether rows come back."""
        return self.verb in _WITH_RESULT

    @property
    def selects(self) -> bool:
        """Whether it is a query proper, whose result may be long."""
        return self.verb in (b"SELECT", b"WITH", b"FROM")


def split_insert(sql: bytes) -> InlineInsert | None:
    """Cut an INSERT with inline data in two; None for any other statement.

    Raises SYNTAX_ERROR for a semicolon between format and data, as the server does.
    """
    tokens = _tokens(sql)
    first = next(tokens, None)
    if first is None or first.text != b"INSERT":
        return None
    depth, previous = 0, first.text
    for token in tokens:
        depth += (token.text == b"(") - (token.text == b")")
        if depth == 0 and previous not in _NAME_FOLLOWS:
            if token.text in _NO_INLINE_DATA:
                return None
            if token.text == b"VALUES":
                return InlineInsert(
                    _text(sql[: token.start]), "Values", memoryview(sql)[token.end :]
                )
            if token.text == b"FORMAT":
                return _with_format(sql, token)
        previous = token.text
    return None


def read_statement(sql: bytes) -> Statement:
    """Return the first word (brackets skipped) and the FORMAT at the end, if it names one."""
    verb, depth = b"", 0
    before = last = Token(b"", 0, 0)
    named: Token | None = None
    in_settings = False
    for token in _tokens(sql):
        if not verb and token.text != b"(":
            verb = token.text
        depth += (token.text == b"(") - (token.text == b")")
        if depth == 0 and last.text == b"FORMAT" and _ends_operand(before):
            named, in_settings = token, False
        elif token.text == b"SETTINGS":
            in_settings = True
        elif token.text != b";" and not in_settings:
            named = None
        before, last = last, token
    return Statement(verb, _text(sql[named.start : named.end]) if named else None)


def _ends_operand(token: Token) -> bool:
    """Tell whether a clause may follow; else the word ``format`` is a column's name."""
    return (
        token.text not in _OPERAND_FOLLOWS and re.match(rb"[\w'\"`)\]}*]", token.text) is not None
    )


def _with_format(sql: bytes, word: Token) -> InlineInsert | None:
    match = _AFTER_FORMAT.match(sql, word.end)
    if match is None:
        return None
    data = memoryview(sql)[match.end() :]
    if match["excess"] and bytes(data[:1000]).strip():
        raise syntax_error("Excessive ';' before the data of INSERT.")
    return InlineInsert(_text(sql[: word.start]), _text(match.group(1)), data)


def _tokens(sql: bytes) -> Iterator[Token]:
    position = 0
    while match := _TOKEN.match(sql, position):
        position = match.end()
        if match["skip"] is None:
            yield Token(match.group().upper(), match.start(), position)


def _text(sql: bytes) -> str:
    return sql.decode(errors="replace")
