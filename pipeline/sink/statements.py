"""Splitting a file of SQL into statements."""

import re
from typing import Final

_TOKEN: Final = re.compile(
    r"""--[^\n]*           # comment to the end of the line
    | /\*.*?\*/            # comment in brackets
    | '(?:\\.|''|[^'\\])*' # text
    | "(?:\\.|""|[^"\\])*" # identifier
    | `(?:\\.|``|[^`\\])*` # identifier
    | ;
    | [^-/'"`;]+ | .       # anything else, a run or one sign""",
    re.DOTALL | re.VERBOSE,
)


def split_statements(sql: str) -> list[str]:
    """Return the statements of a file, without comments and semicolons.

    A semicolon in a text, a quoted identifier or a comment does not end a statement.
    """
    statements: list[str] = []
    current: list[str] = []
    for match in _TOKEN.finditer(sql):
        part = match.group()
        if part == ";":
            statements.append("".join(current).strip())
            current = []
        elif not part.startswith(("--", "/*")):
            current.append(part)
    statements.append("".join(current).strip())
    return [statement for statement in statements if statement]
