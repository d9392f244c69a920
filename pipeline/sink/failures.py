"""ClickHouse's errors, sorted by whose fault they are."""

import re
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, ProgrammingError

from pipeline.domain.errors import OurMistake, TelemetryError, Unavailable

SCHEMA_CODES: Final = {16, 47, 60, 81}
"""NO_SUCH_COLUMN_IN_TABLE, UNKNOWN_IDENTIFIER, UNKNOWN_TABLE, UNKNOWN_DATABASE: a migration is
missing. Their text names tables and columns, never values."""

MISTAKE_CODES: Final = SCHEMA_CODES | {
    *(6, 8, 10, 15, 20, 26, 27, 36, 38, 41, 42, 43, 44, 46, 48, 50, 53, 57, 62, 69, 70),
    *(72, 73, 115, 164, 179, 182, 192, 193, 194, 195, 291, 349, 376, 452, 457, 497, 511, 516),
}
"""Syntax, types, settings, rights: no retry helps. Numbers as in ClickHouse's ErrorCodes.cpp."""

_TEXT: Final = re.compile(r"DB::Exception: (.*?)\s*\([A-Z_]{4,}\)", re.DOTALL)
_NOISE: Final = re.compile(r" \([0-9a-f-]{36}\)|\.? Maybe you meant.*", re.DOTALL)


def sorted_by_fault(error: ClickHouseError, doing: str) -> TelemetryError:
    """Return the error to raise instead; ``doing`` completes "ClickHouse refuses …".

    The server's own words are kept only where they cannot quote a row.
    What nobody knows counts as unavailable: it is retried within a bound, never dropped.
    """
    code = error.code if isinstance(error, DatabaseError) else None
    name = (error.name if isinstance(error, DatabaseError) else None) or type(error).__name__
    if code is None and isinstance(error, ProgrammingError):
        return OurMistake(f"ClickHouse's client refuses {doing}: {error}")
    if code is None:
        # Without a code the server did not speak: the text is the transport's.
        return Unavailable(f"ClickHouse does not answer {doing}: {error}")
    if code not in MISTAKE_CODES:
        return Unavailable(f"ClickHouse cannot take {doing} now: {name} (code {code}).")
    if code in SCHEMA_CODES:
        found = _TEXT.search(str(error))
        words = _NOISE.sub("", found.group(1)).rstrip(". ") if found else name
        return OurMistake(f"ClickHouse refuses {doing}: {words}; migrate the tables first.")
    return OurMistake(f"ClickHouse refuses {doing}: {name} (code {code}).")
