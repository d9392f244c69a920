"""Sessions and segments of the same ids laid side by side: which of them are one (rules 8, 9)."""

from typing import NamedTuple

import numpy as np

from pipeline.sessionize import layout as at
from pipeline.sessionize.arrays import I64, Flags


class Groups(NamedTuple):
    """Intervals in order of (id, start), grouped into sessions.

    ``order`` are places among the intervals asked about; ``first`` and ``counts`` cut it into
    groups; ``continued`` says of each group that the start of a day cuts it from a neighbour.
    """

    order: I64
    first: I64
    counts: I64
    continued: Flags


def group(ids: I64, rows: I64, is_session: Flags, gap: int) -> Groups:
    """Group intervals that touch.

    Sessions of one id lie apart from each other, and so do segments; so the latest end so far
    is the end of the last session or of the last segment, whichever is later.
    """
    order = np.lexsort((rows[:, at.START], ids))
    ids, is_session = ids[order], is_session[order]
    start, end, day = (rows[order, column] for column in (at.START, at.END, at.DAY))
    latest = np.maximum(
        _last_end(ids, end, is_session), _last_end(ids, end, ~is_session)
    )  # of the intervals up to each, so its neighbour's place is one back
    same_id = ids[1:] == ids[:-1]
    near = same_id & (start[1:] - latest[:-1] <= gap)
    same_day = day[1:] == day[:-1]
    opens = np.ones(len(ids), np.bool_)
    opens[1:] = ~(near & same_day)
    first = np.flatnonzero(opens)
    counts = np.diff(np.append(first, len(ids)))
    cut = np.flatnonzero(near & ~same_day)
    number = np.cumsum(opens) - 1
    continued = np.zeros(len(first), np.bool_)
    continued[number[cut]] = True
    continued[number[cut + 1]] = True
    return Groups(order, first, counts, continued)


def _last_end(ids: I64, end: I64, kind: Flags) -> I64:
    place = np.maximum.accumulate(np.where(kind, np.arange(len(ids)), -1))
    known = (place >= 0) & (ids[place] == ids)
    # Small enough for any gap to be added, below every time.
    result: I64 = np.where(known, end[place], np.iinfo(np.int64).min // 2)
    return result
