"""Request deltas as records: where the fields of ``schemas/avro/request_delta.avsc`` lie."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.aggregate.arrow_texts import I64, Texts, TextsInLists
from pipeline.aggregate.counts import MAXIMUM, PLAIN, SUMS, given_out
from pipeline.domain.laid_out import Field, Lane, Layout, Log, Records

_NUMBERS, _TIMED_FROM, _BUCKETS = range(3)
_FEED_LOG, _NAME_LOG, _KEY_LOG = Log(3, 4), Log(5, 6), Log(7, 8)
_MEMBERS, _REQUESTS, _SESSIONS = 9, 12, 15
"""Arrays of records: numbers, histograms, texts; from each of the last three on where the lists
begin, where their texts end, and the texts."""

_MINUTE, _SPACE, _KEY, _PARTITION, _SEQUENCE = range(PLAIN, PLAIN + 5)
_LANES: Final = PLAIN + 5


class DeltaTexts(NamedTuple):
    """Feeds and dimensions by space, keys by number; members and samples of each group."""

    feeds: Texts
    names: Texts
    keys: Texts
    members: TextsInLists
    requests: TextsInLists
    sessions: TextsInLists

    def arrays(self) -> list[npt.NDArray[Any]]:
        """Return them in the order of ``LAYOUT``'s arrays."""
        return [
            *(array for log in self[:3] for array in log),
            *(array for each in self[3:] for array in (each.bounds, *each.texts)),
        ]


def delta_records(
    groups: I64,
    numbers: I64,
    timed: npt.NDArray[np.bool_],
    identity: Sequence[I64 | int],
    texts: DeltaTexts,
) -> Records:
    """Return one record per group, laid out as ``LAYOUT`` says.

    ``identity``: minutes, spaces and keys of the groups, the task's partition and sequence. No
    text is copied, so records are good as long as the texts are.
    """
    lanes = np.empty((_LANES, len(groups)), np.int64)
    given = given_out(groups, timed, numbers, lanes[:PLAIN])
    for lane, said in enumerate(identity, start=PLAIN):
        lanes[lane] = said
    return Records(len(groups), [lanes, given.bounds, given.buckets, *texts.arrays()])


def _long(lane: int) -> Field:
    return Field("long", Lane(_NUMBERS, lane))


def _text(lane: int, log: Log) -> Field:
    return Field("text", Lane(_NUMBERS, lane), log=log)


def _texts(first: int) -> Field:
    return Field("texts", Lane(first), log=Log(first + 1, first + 2))


LAYOUT: Final[Layout] = {
    "feed": _text(_SPACE, _FEED_LOG),
    "minute": _long(_MINUTE),
    "dimension": _text(_SPACE, _NAME_LOG),
    "key": _text(_KEY, _KEY_LOG),
    "partition": _long(_PARTITION),
    "sequence": _long(_SEQUENCE),
    **{name: _long(lane) for lane, name in enumerate((*SUMS, MAXIMUM))},
    "durations": Field("longs", Lane(_TIMED_FROM), Lane(_BUCKETS)),
    "members": _texts(_MEMBERS),
    "sample_request_ids": _texts(_REQUESTS),
    "sample_session_ids": _texts(_SESSIONS),
}
"""Where the fields of a delta's record lie; deltas of one ``take_records`` are its rows."""
