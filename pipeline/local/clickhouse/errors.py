"""Errors with ClickHouse's code, name and HTTP status."""

import re
from typing import Final, Self

_CODE: Final = re.compile(r"Code: (\d+)")
_NAME: Final = re.compile(r"\(([A-Z][A-Z0-9_]{2,})\)")
_UNKNOWN_EXCEPTION: Final = 1002

_STATUS: Final = {
    403: ("UNKNOWN_USER", "WRONG_PASSWORD", "AUTHENTICATION_FAILED", "ACCESS_DENIED"),
    400: [
        "BAD_ARGUMENTS",
        "CANNOT_COMPILE_REGEXP",
        "CANNOT_PARSE_TEXT",
        "CANNOT_PARSE_ESCAPE_SEQUENCE",
        "CANNOT_PARSE_QUOTED_STRING",
        "CANNOT_PARSE_DATE",
        "CANNOT_PARSE_DATETIME",
        "CANNOT_PARSE_NUMBER",
        "CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING",
        "CANNOT_PARSE_IPV4",
        "CANNOT_PARSE_IPV6",
        "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
        "CANNOT_PARSE_UUID",
        "DUPLICATE_COLUMN",
        "ILLEGAL_COLUMN",
        "THERE_IS_NO_COLUMN",
        "UNKNOWN_ELEMENT_IN_AST",
        "UNKNOWN_TYPE_OF_AST_NODE",
        "TOO_DEEP_AST",
        "TOO_BIG_AST",
        "UNEXPECTED_AST_STRUCTURE",
        "SYNTAX_ERROR",
        "INCORRECT_DATA",
        "TYPE_MISMATCH",
        "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
    ],
    404: [
        "UNKNOWN_TABLE",
        "UNKNOWN_FUNCTION",
        "UNKNOWN_IDENTIFIER",
        "UNKNOWN_TYPE",
        "UNKNOWN_STORAGE",
        "UNKNOWN_DATABASE",
        "UNKNOWN_SETTING",
        "UNKNOWN_DIRECTION_OF_SORTING",
        "UNKNOWN_AGGREGATE_FUNCTION",
        "UNKNOWN_FORMAT",
        "UNKNOWN_DATABASE_ENGINE",
        "UNKNOWN_TYPE_OF_QUERY",
    ],
    501: ("NOT_IMPLEMENTED",),
    503: ("SOCKET_TIMEOUT", "CANNOT_OPEN_FILE", "CANNOT_SCHEDULE_TASK"),
    408: ("TIMEOUT_EXCEEDED",),
    413: ("QUERY_IS_TOO_LARGE",),
}
_STATUS_OF: Final = {name: status for status, names in _STATUS.items() for name in names}
"""As in ClickHouse, ``src/Server/HTTP/exceptionCodeToHTTPStatus.cpp``; everything else is 500."""


class ClickHouseError(Exception):
    """An error as the server reports it: ``Code: N. DB::Exception: … (NAME)``."""

    def __init__(self, code: int, name: str, text: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {text} ({name})")
        self.code = code
        self.status = _STATUS_OF.get(name, 500)

    @classmethod
    def of_engine(cls, error: Exception) -> Self:
        """Read the engine's message; a message without code becomes UNKNOWN_EXCEPTION."""
        text = str(error)
        code = _CODE.search(text)
        names = _NAME.findall(text)
        if code is None or not names:
            return cls(_UNKNOWN_EXCEPTION, "UNKNOWN_EXCEPTION", text.strip())
        result = cls(int(code.group(1)), names[-1], "")
        result.args = (text[code.start() :].strip(),)
        return result

    def with_version(self, version: str) -> str:
        """Return the message as the server ends it."""
        text = str(self)
        return text if "(version " in text else f"{text} (version {version})"


def syntax_error(text: str) -> ClickHouseError:
    """Return SYNTAX_ERROR."""
    return ClickHouseError(62, "SYNTAX_ERROR", text)


def not_implemented(text: str) -> ClickHouseError:
    """Return NOT_IMPLEMENTED: the real server could, this engine cannot."""
    return ClickHouseError(48, "NOT_IMPLEMENTED", text)


def read_only() -> ClickHouseError:
    """Return READONLY."""
    return ClickHouseError(164, "READONLY", "Cannot execute query in readonly mode.")
