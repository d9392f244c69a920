"""The row of numbers that is one session: which column means what, and how two rows merge.

Rows of a matrix, not one array per field: a session's numbers lie side by side, so touching
one of a million sessions costs a few cache lines and not one per field.

Blocks merge alike: sums add, ``MINIMA`` and ``MAXIMA`` take the smaller and larger, ``FLAGS``
are or-ed; actor, entry and exit go by (time, event key) (semantics rule 11). What follows
``ID_LOW`` is bookkeeping of the slot and never merged.
"""

from typing import Final

import numpy as np

from pipeline.sessionize.arrays import I64, U64

NEVER: Final = np.iinfo(np.int64).max
"""Null among minima: later than everything."""
NONE: Final = np.iinfo(np.int64).min
"""Null among maxima: earlier than everything."""

REQUESTS: Final = 0
EVENTS: Final = 1
PAGES: Final = 2
WRITES: Final = 3
PARTICIPATIONS: Final = 4
STATUS_1XX: Final = 5
STATUS_OTHER: Final = 10
ERRORS: Final = 11
DURATION_SUM: Final = 12
MASQUERADED_REQUESTS: Final = 13
MASQUERADED_EVENTS: Final = 14
SUMS: Final = slice(0, 15)

START: Final = 15
LOGGED_IN: Final = 16
WEB_FIRST: Final = 17
LIVE_FIRST: Final = 18
MINIMA: Final = range(15, 19)

END: Final = 19
DURATION_MAX: Final = 20
LOGGED_OUT: Final = 21
WEB_LAST: Final = 22
LIVE_LAST: Final = 23
MAXIMA: Final = range(19, 24)

ACTOR_AT: Final = 24
"""Like entry and exit: time, the two halves of the event key, and what the row with them has."""
ACTOR: Final = 27
ENTRY_AT: Final = 28
ENTRY_TEXT: Final = 31
"""The path: a number in the store's log of texts, ``NO_TEXT``, or a row of the batch at hand."""
EXIT_AT: Final = 32
EXIT_TEXT: Final = 35
FLAGS: Final = 36
DAY: Final = 37
ID_HASH: Final = 38
ID_HIGH: Final = 39
ID_LOW: Final = 40

NEXT: Final = 41
"""Slot of another live session of the same id, -1 for none."""
TIMER: Final = 42
"""Place in the time wheels, -1 for none."""
PUBLISHED: Final = 43
"""The start under which it was last published, ``NONE`` before the first time."""
OUTPUT: Final = 44
"""Offset of its last record in the output, -1 if not known."""
VERSION: Final = 45
HEADS: Final = 46
"""For each set the hash of one member."""

SETS: Final = (
    "courses",
    "controllers",
    "ips",
    "user_agents",
    "users",
    "masquerade_targets",
    "developer_keys",
)
COURSES, CONTROLLERS, IPS, USER_AGENTS, USERS, MASQUERADE_TARGETS, DEVELOPER_KEYS = range(7)
TEXT_SETS: Final = (CONTROLLERS, IPS)
PEOPLE_SETS: Final = (USERS, MASQUERADE_TARGETS)
CAP: Final = 32
"""Members that a set keeps. Sessions rarely pass it; an estimate from 32 is good to 18 %."""

WIDTH: Final = HEADS + len(SETS)

CONTINUED: Final = 1
CAPPED: Final = 2
"""Flag of the first set; the others follow at the next bits."""


def _neutral() -> I64:
    row = np.zeros(WIDTH, np.int64)
    row[[LOGGED_IN, WEB_FIRST, LIVE_FIRST, ACTOR_AT, ENTRY_AT]] = NEVER
    row[[LOGGED_OUT, WEB_LAST, LIVE_LAST, EXIT_AT, PUBLISHED]] = NONE
    row[[ENTRY_TEXT, EXIT_TEXT, NEXT, TIMER, OUTPUT]] = -1
    return row


NEUTRAL: Final = _neutral()
"""A row that changes nothing when merged, but for its start, end, day and id."""

NO_TEXT: Final = -1


def text_of_row(rows: I64) -> I64:
    """Return what stands for the paths of these rows of a batch; its own inverse."""
    return -2 - rows


_SIGN: Final = np.uint64(1 << 63)


def ordered(halves: U64) -> I64:
    """Return unsigned numbers as signed ones of the same order."""
    return (halves ^ _SIGN).view(np.int64)


def unordered(halves: I64) -> U64:
    """Return the unsigned numbers of ``ordered``."""
    return np.ascontiguousarray(halves).view(np.uint64) ^ _SIGN
