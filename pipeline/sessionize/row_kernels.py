"""The loop over rows: each into its session, made, made longer or made of two.

Arrays are handed on one by one and without their owners (``bare_kernels``): as tuples a row cost
4.5 µs on a busy machine, with their owners 0.33, and now 0.22.
The parts of the loop that every row takes are put into it by numba (``inline``): as calls a row
cost 8 % more.
See ``set_kernels`` on caches.
"""

from typing import Any

import numba
import numpy as np
from numba import types

from pipeline.sessionize import layout as at
from pipeline.sessionize.bare_kernels import bare
from pipeline.sessionize.index_kernels import AHEAD, assign, home, look
from pipeline.sessionize.prefetch_kernels import prefetch
from pipeline.sessionize.set_kernels import (
    ADDED,
    BLOCKS,
    FURTHER,
    LINKS,
    REPLACED,
    ROWS,
    SETS,
    SIZES,
    add_member,
    copy_members,
    empty_set,
)

LIVE, CHANGED, SEEN = 1, 2, 4
"""Marks of a slot: holds a session; is to be published; got rows of this batch."""
RELEASED = -1
"""In place of an event's row: the text has a holder less."""
FREE_SLOTS, FREE_BLOCKS, CHANGES, TOUCHED, VANISHED, EVENTS, INDEXED = range(7)
"""Places among the counts."""
MOST_BLOCKS, MOST_EVENTS, MOST_CHANGES = 80, 80, 3
"""What one row may take at most: it may join two sessions, whose sets then are moved."""

TIME, KEY_HIGH, KEY_LOW, ID_HIGH, ID_LOW, ID_HASH = range(6)
OFFSET, DURATION, STATUS, ACTOR, SAYS = range(6, 11)
MEMBERS = 11
"""The hash of the row's candidate for each set."""
COLUMNS = MEMBERS + SETS
"""Columns of a batch's matrix."""
PAGE, WRITE, PARTICIPATED, MASQUERADED, LOGIN, LOGOUT, HAS_ACTOR, HAS_PATH = (
    1 << bit for bit in range(8)
)
HAS_SESSION = 1 << 8
HAS_MEMBER = 9
"""Bit of ``SAYS`` for the first set; the others follow."""

_AHEAD_ROW = 8
_LINE = 8
"""Numbers in a cache line."""
_EARLIEST, _LATEST = False, True
_END_OF_SUMS = at.SUMS.stop
_MINIMA, _END_OF_MINIMA = at.MINIMA.start, at.MINIMA.stop
_MAXIMA, _END_OF_MAXIMA = at.MAXIMA.start, at.MAXIMA.stop
_LONGS = types.Array(types.int64, 1, "C", readonly=True)
_HASHES = types.Array(types.uint64, 1, "C", readonly=True)


@numba.njit(cache=True, inline="always")
def _tie(
    rows: Any, slot: Any, column: Any, time: Any, high: Any, low: Any, value: Any, latest: Any
) -> None:
    """Keep the earliest (latest) of two by (time, event key)."""
    if rows[slot, column] != time:
        taken = (rows[slot, column] < time) == latest
    elif rows[slot, column + 1] != high:
        taken = (rows[slot, column + 1] < high) == latest
    else:
        taken = rows[slot, column + 2] != low and (rows[slot, column + 2] < low) == latest
    if taken:
        rows[slot, column], rows[slot, column + 1] = time, high
        rows[slot, column + 2], rows[slot, column + 3] = low, value


@numba.njit(cache=True)
def _merge(rows: Any, slot: Any, gone: Any) -> None:
    """Merge the numbers of a session into another's (semantics rule 11)."""
    for column in range(_END_OF_SUMS):
        rows[slot, column] += rows[gone, column]
    for column in range(_MINIMA, _END_OF_MINIMA):
        rows[slot, column] = min(rows[slot, column], rows[gone, column])
    for column in range(_MAXIMA, _END_OF_MAXIMA):
        rows[slot, column] = max(rows[slot, column], rows[gone, column])
    rows[slot, at.FLAGS] |= rows[gone, at.FLAGS]
    for column in (at.ACTOR_AT, at.ENTRY_AT, at.EXIT_AT):
        time, high, low = rows[gone, column], rows[gone, column + 1], rows[gone, column + 2]
        _tie(rows, slot, column, time, high, low, rows[gone, column + 3], column == at.EXIT_AT)


@numba.njit(cache=True)
def _absorb_members(
    rows: Any, sizes: Any, further: Any, blocks: Any, links: Any, free_blocks: Any, counts: Any,
    events: Any, event_rows: Any, slot: Any, gone: Any,
) -> None:  # fmt: skip
    """Move a session's members to another; texts that both hold have a holder less."""
    members = np.empty(at.CAP, np.uint64)
    for number in range(SETS):
        held = number in (at.CONTROLLERS, at.IPS)
        count = copy_members(rows, sizes, further, blocks, links, gone, number, members, 0)
        for i in range(count):
            fresh = free_blocks[counts[FREE_BLOCKS] - 1]
            became, left, taken = add_member(
                rows, sizes, further, blocks, links, fresh, slot, number, members[i]
            )
            if taken:
                counts[FREE_BLOCKS] -= 1
            if held and became != ADDED:
                events[counts[EVENTS]] = left if became == REPLACED else members[i]
                event_rows[counts[EVENTS]] = RELEASED
                counts[EVENTS] += 1
        counts[FREE_BLOCKS] = empty_set(
            sizes, further, links, free_blocks, counts[FREE_BLOCKS], gone, number
        )


@numba.njit(cache=True, inline="always")
def _touch(marks: Any, changes: Any, counts: Any, slot: Any) -> None:
    if not marks[slot] & CHANGED:
        marks[slot] |= CHANGED
        changes[counts[CHANGES]] = slot
        counts[CHANGES] += 1


@numba.njit(cache=True)
def _count(rows: Any, slot: Any, batch: Any, row: Any, requests: Any) -> None:
    """Add what a row says but for the members of sets."""
    time, says, offset = batch[row, TIME], batch[row, SAYS], batch[row, OFFSET]
    rows[slot, at.START] = min(rows[slot, at.START], time)
    rows[slot, at.END] = max(rows[slot, at.END], time)
    masqueraded = says // MASQUERADED & 1
    if requests:
        status, duration = batch[row, STATUS], batch[row, DURATION]
        kind = status // 100 if 100 <= status < 600 else 6
        rows[slot, at.STATUS_1XX + kind - 1] += 1
        rows[slot, at.REQUESTS] += 1
        rows[slot, at.ERRORS] += status >= 400
        rows[slot, at.PAGES] += says // PAGE & 1
        rows[slot, at.WRITES] += says // WRITE & 1
        rows[slot, at.PARTICIPATIONS] += says // PARTICIPATED & 1
        rows[slot, at.MASQUERADED_REQUESTS] += masqueraded
        rows[slot, at.DURATION_SUM] += duration
        rows[slot, at.DURATION_MAX] = max(rows[slot, at.DURATION_MAX], duration)
        rows[slot, at.WEB_FIRST] = min(rows[slot, at.WEB_FIRST], offset)
        rows[slot, at.WEB_LAST] = max(rows[slot, at.WEB_LAST], offset)
    else:
        rows[slot, at.EVENTS] += 1
        rows[slot, at.MASQUERADED_EVENTS] += masqueraded
        rows[slot, at.LIVE_FIRST] = min(rows[slot, at.LIVE_FIRST], offset)
        rows[slot, at.LIVE_LAST] = max(rows[slot, at.LIVE_LAST], offset)
    if says & LOGIN:
        rows[slot, at.LOGGED_IN] = min(rows[slot, at.LOGGED_IN], time)
    if says & LOGOUT:
        rows[slot, at.LOGGED_OUT] = max(rows[slot, at.LOGGED_OUT], time)
    high, low = batch[row, KEY_HIGH], batch[row, KEY_LOW]
    if says & HAS_ACTOR:
        _tie(rows, slot, at.ACTOR_AT, time, high, low, batch[row, ACTOR], _EARLIEST)
    if says & HAS_PATH:
        _tie(rows, slot, at.ENTRY_AT, time, high, low, -2 - row, _EARLIEST)
        _tie(rows, slot, at.EXIT_AT, time, high, low, -2 - row, _LATEST)


@numba.njit(cache=True)
def _ask(index: Any, numbers: Any, sizes: Any, further: Any, batch: Any, row: Any) -> None:
    """Ask for what a later row will need."""
    if row + AHEAD < len(batch):
        prefetch(index, 2 * home(index, np.uint64(batch[row + AHEAD, ID_HASH])))
    if row + _AHEAD_ROW < len(batch):
        slot = look(index, np.uint64(batch[row + _AHEAD_ROW, ID_HASH]))
        if slot >= 0:
            for line in range(0, at.WIDTH, _LINE):
                prefetch(numbers, slot * at.WIDTH + line)
            prefetch(sizes, slot * SETS)
            prefetch(further, slot * SETS)


@numba.njit(cache=True, inline="always")
def _around(rows: Any, head: Any, time: Any, day: Any, gap: Any) -> Any:
    """Return which of an id's sessions a row touches or is near; -1: none.

    The earlier one that it touches on its day, the later one (the only one, if it touches one),
    the one before that in the chain, two of other days, and the earliest that starts after it.
    """
    left = right = before_right = other_1 = other_2 = later = last = np.int64(-1)
    slot = head
    while slot >= 0 and time - rows[slot, at.END] <= gap:
        if rows[slot, at.START] - time <= gap:
            if rows[slot, at.DAY] != day:
                other_2, other_1 = other_1, slot
            elif right < 0:
                right, before_right = slot, last
            else:
                left = slot
        if rows[slot, at.START] > time:
            later = slot
        last, slot = slot, rows[slot, at.NEXT]
    return left, right, before_right, other_1, other_2, later


@numba.njit(cache=True, inline="always")
def _open(
    rows: Any, sizes: Any, further: Any, marks: Any, index: Any, free_slots: Any, counts: Any,
    batch: Any, row: Any, day: Any, neutral: Any, head: Any, later: Any,
) -> Any:  # fmt: skip
    """Make a session of a row that touches none, and chain it behind ``later``; return its slot."""
    counts[FREE_SLOTS] -= 1
    target = free_slots[counts[FREE_SLOTS]]
    for column in range(at.WIDTH):
        rows[target, column] = neutral[column]
    rows[target, at.START], rows[target, at.END] = batch[row, TIME], batch[row, TIME]
    rows[target, at.DAY], rows[target, at.ID_HASH] = day, batch[row, ID_HASH]
    rows[target, at.ID_HIGH], rows[target, at.ID_LOW] = batch[row, ID_HIGH], batch[row, ID_LOW]
    for number in range(SETS):
        sizes[target, number] = 0
        further[target, number] = -1
    marks[target] = LIVE
    if later < 0:
        rows[target, at.NEXT] = head
        if assign(index, np.uint64(batch[row, ID_HASH]), target):
            counts[INDEXED] += 1
    else:
        rows[target, at.NEXT] = rows[later, at.NEXT]
        rows[later, at.NEXT] = target
    return target


@numba.njit(cache=True)
def _bridge(
    rows: Any, sizes: Any, further: Any, marks: Any, blocks: Any, links: Any, index: Any,
    free_blocks: Any, counts: Any, vanished: Any, events: Any, event_rows: Any, left: Any,
    right: Any, before_right: Any,
) -> None:  # fmt: skip
    """Make one session of the two that a row touches; ``right`` vanishes, out of its chain too."""
    _merge(rows, left, right)
    _absorb_members(
        rows, sizes, further, blocks, links, free_blocks, counts, events, event_rows, left, right
    )
    if before_right < 0:
        assign(index, np.uint64(rows[right, at.ID_HASH]), rows[right, at.NEXT])
    else:
        rows[before_right, at.NEXT] = rows[right, at.NEXT]
    vanished[counts[VANISHED]] = right
    counts[VANISHED] += 1
    marks[right] &= SEEN
    rows[right, at.TIMER], rows[right, at.OUTPUT] = -1, -1


@numba.njit(cache=True, inline="always")
def _add_members(
    rows: Any, sizes: Any, further: Any, blocks: Any, links: Any, free_blocks: Any, counts: Any,
    events: Any, event_rows: Any, batch: Any, row: Any, target: Any,
) -> None:  # fmt: skip
    """Add a row's members to the sets of its session; say which texts got or lost a holder."""
    says = batch[row, SAYS] >> HAS_MEMBER
    for number in range(SETS):
        if not says >> number & 1:
            continue
        member = np.uint64(batch[row, MEMBERS + number])
        if sizes[target, number] > 0 and np.uint64(rows[target, at.HEADS + number]) == member:
            continue
        fresh = free_blocks[counts[FREE_BLOCKS] - 1]
        became, gone, taken = add_member(
            rows, sizes, further, blocks, links, fresh, target, number, member
        )
        if taken:
            counts[FREE_BLOCKS] -= 1
        if number in (at.CONTROLLERS, at.IPS):
            if became in (ADDED, REPLACED):
                events[counts[EVENTS]] = member
                event_rows[counts[EVENTS]] = 2 * row + (number == at.IPS)
                counts[EVENTS] += 1
            if became == REPLACED:
                events[counts[EVENTS]] = gone
                event_rows[counts[EVENTS]] = RELEASED
                counts[EVENTS] += 1


@numba.njit(
    types.int64(
        ROWS,
        SIZES,
        FURTHER,
        types.uint8[::1],
        BLOCKS,
        LINKS,
        types.int64[::1],
        types.int64[::1],
        types.int64[::1],
        types.int64[::1],
        types.int64[::1],
        types.int64[::1],
        types.int64[::1],
        types.uint64[::1],
        types.int64[::1],
        types.int64[:, ::1],
        _LONGS,
        _LONGS,
        _LONGS,
        types.boolean,
        types.int64,
        types.int64,
    ),
    cache=True,
    nogil=True,
)
def add_rows(
    rows: Any,
    sizes: Any,
    further: Any,
    marks: Any,
    blocks: Any,
    links: Any,
    index: Any,
    free_slots: Any,
    free_blocks: Any,
    counts: Any,
    changes: Any,
    touched: Any,
    vanished: Any,
    events: Any,
    event_rows: Any,
    batch: Any,
    days: Any,
    day_starts: Any,
    neutral: Any,
    requests: Any,
    gap: Any,
    first: Any,
) -> Any:
    """Add rows from ``first`` on to sessions (semantics rules 8 to 12), in whatever order.

    An id's sessions are chained from the latest to the earliest and lie more than ``gap`` apart
    or on different days; so a row touches at most two, and is near one of another day at most on
    either side. Returns how far it came: it stops when free slots, blocks or room for what is
    found may not do for the next row. See ``Adding`` for the arrays.
    """
    rows, sizes, further, marks = bare(rows), bare(sizes), bare(further), bare(marks)
    blocks, links, index, batch = bare(blocks), bare(links), bare(index), bare(batch)
    free_blocks, counts, changes = bare(free_blocks), bare(counts), bare(changes)
    events, event_rows = bare(events), bare(event_rows)
    free_slots, vanished = bare(free_slots), bare(vanished)
    numbers, all_sizes, all_further = rows.reshape(-1), sizes.reshape(-1), further.reshape(-1)
    day, day_from, day_to = np.int64(0), np.int64(1), np.int64(0)
    for row in range(first, len(batch)):
        if (
            counts[FREE_SLOTS] < 1
            or counts[FREE_BLOCKS] < MOST_BLOCKS
            or counts[EVENTS] + MOST_EVENTS > len(events)
            or counts[CHANGES] + MOST_CHANGES > len(changes)
        ):
            return row
        _ask(index, numbers, all_sizes, all_further, batch, row)
        if not batch[row, SAYS] & HAS_SESSION:
            continue
        time, key = batch[row, TIME], np.uint64(batch[row, ID_HASH])
        if not day_from <= time < day_to:
            place = np.searchsorted(day_starts, time, side="right") - 1
            day, day_from = days[place], day_starts[place]
            day_to = day_starts[place + 1] if place + 1 < len(days) else np.int64(at.NEVER)
        head = look(index, key)
        left, right, before_right, other_1, other_2, later = _around(rows, head, time, day, gap)
        target = right if left < 0 else left
        if right < 0:
            target = _open(
                rows, sizes, further, marks, index, free_slots, counts,
                batch, row, day, neutral, head, later,
            )  # fmt: skip
        elif left >= 0:
            _bridge(
                rows, sizes, further, marks, blocks, links, index, free_blocks, counts,
                vanished, events, event_rows, left, right, before_right,
            )  # fmt: skip
        for other in (other_1, other_2):
            if other >= 0:
                rows[target, at.FLAGS] |= at.CONTINUED
                if not rows[other, at.FLAGS] & at.CONTINUED:
                    rows[other, at.FLAGS] |= at.CONTINUED
                    _touch(marks, changes, counts, other)
        _touch(marks, changes, counts, target)
        if not marks[target] & SEEN:
            marks[target] |= SEEN
            touched[counts[TOUCHED]] = target
            counts[TOUCHED] += 1
        _count(rows, target, batch, row, requests)
        _add_members(
            rows, sizes, further, blocks, links, free_blocks, counts, events, event_rows,
            batch, row, target,
        )  # fmt: skip
    return len(batch)
