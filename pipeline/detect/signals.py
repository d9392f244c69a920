"""Request stats as detectors read them: taken apart by dimension once, for all rules together."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.detect.rules import Rule
from pipeline.detect.texts import Places, RowKeys, TextLists
from pipeline.domain.event_time import MINUTE
from pipeline.domain.feeds import Feed

Samples = tuple[list[str], list[str]]
"""Request ids and session ids."""

SAMPLED: Final = ("sample_request_ids", "sample_session_ids")


class Rows(NamedTuple):
    """Places of a rule's rows in the stats, ordered by minute and feed."""

    places: Places
    keys: RowKeys

    def __len__(self) -> int:
        return len(self.places)


class Sampled(NamedTuple):
    """Some rows, and where their sample ids stand in columns: few of them are ever asked for.

    ``having``: which of them have any.
    """

    keys: RowKeys
    places: Places
    ids: TextLists
    sessions: TextLists
    having: npt.NDArray[np.bool_]

    def at(self, row: int) -> Samples:
        """Return the samples of one of the rows."""
        place = int(self.places[row])
        return self.ids.at(place), self.sessions.at(place)


class Run(NamedTuple):
    """Rows ``first`` to ``last`` (not included) of one minute and feed."""

    minute: int
    feed: Feed
    first: int
    last: int


class Signals:
    """Stats of some minutes; every column is looked at once, however many rules ask for it."""

    def __init__(self, stats: pl.DataFrame) -> None:
        kept = (stats["keys_folded"] == 0) & (stats["status"] != "folded")
        self.stats = stats if kept.all() else stats.filter(kept)
        self._columns: dict[str, Places] = {}
        self._dimensions: dict[str, Places] | None = None
        self._feeds: dict[str, npt.NDArray[np.bool_]] = {}
        self._spoken: dict[str, set[int]] = {}
        self._rows: dict[tuple[str, tuple[Feed, ...], str], Rows] = {}
        self._runs: dict[tuple[int, tuple[Feed, ...]], list[Run]] = {}
        self._lists: dict[str, TextLists] = {}
        self._having: npt.NDArray[np.bool_] | None = None
        self._picked: dict[tuple[int, str], TextLists] = {}

    def __len__(self) -> int:
        return self.stats.height

    @property
    def minutes(self) -> Places:
        """The minute of every row, whole minutes since the epoch."""
        known = self._columns.get("minute")
        if known is None:
            known = self.stats["minute"].cast(pl.Int64).to_numpy() // MINUTE
            self._columns["minute"] = known
        return known

    def spoken(self, feed: Feed) -> set[int]:
        """Return the minutes in which a feed had rows at all."""
        if feed not in self._spoken:
            self._spoken[feed] = set(np.unique(self.minutes[self._of_feed(feed)]).tolist())
        return self._spoken[feed]

    def rows(self, rule: Rule, dimension: str, feeds: tuple[Feed, ...]) -> Rows:
        """Return the rows of a dimension and feeds that the rule's filters keep."""
        # Rules on one dimension mostly ask for the same rows.
        asked = (dimension, feeds, rule.id if rule.filtered else "")
        known = self._rows.get(asked)
        if known is None:
            known = self._rows[asked] = self._find(rule, dimension, feeds)
        return known

    def _find(self, rule: Rule, dimension: str, feeds: tuple[Feed, ...]) -> Rows:
        places = self._of_dimension(dimension)
        if len(places):
            places = places[np.logical_or.reduce([self._of_feed(feed)[places] for feed in feeds])]
        if not len(places):
            return Rows(places, RowKeys(pl.Series([], dtype=pl.String)))
        # A polars query for each column and rule costs more than all the rest of it: numbers are
        # taken by numpy, texts by the frame's own indexing.
        order = np.lexsort((self._feed_code(places, feeds), self.minutes[places]))
        places = places[order]
        keys = self.stats["key"][places]
        if rule.filtered:
            kept = pl.DataFrame({"key": keys}).select(rule.filters.keeps).to_series()
            places, keys = places[kept.to_numpy()], keys.filter(kept)
        return Rows(places, RowKeys(keys))

    def counts(self, rows: Rows, measure: str) -> Places:
        """Return a count of every row; ``members`` counts the distinct ones."""
        name = "members_distinct" if measure == "members" else measure
        known = self._columns.get(name)
        if known is None:
            column = self.stats[name]
            known = (column.fill_null(0) if column.null_count() else column).to_numpy()
            known = self._columns[name] = known.astype(np.int64, copy=False)
        return known[rows.places]

    def lists(self, rows: Rows, name: str) -> TextLists:
        """Return the lists of a column of texts, once for all rules."""
        known = self._picked.get((id(rows.places), name))
        if known is None:
            known = self._picked[(id(rows.places), name)] = self._column(name).picked(rows.places)
        return known

    def sampled(self, rows: Rows, at: Places) -> Sampled:
        """Return some rows, by their numbers, with their sample ids."""
        ids, sessions = (self._column(name) for name in SAMPLED)
        if self._having is None:
            self._having = (ids.lengths > 0) | (sessions.lengths > 0)
        places = rows.places[at]
        keys = rows.keys if len(at) == len(rows) else rows.keys.picked(at)
        return Sampled(keys, places, ids, sessions, self._having[places])

    def _column(self, name: str) -> TextLists:
        known = self._lists.get(name)
        if known is None:
            known = self._lists[name] = TextLists.of(self.stats[name])
        return known

    def runs(self, rows: Rows, feeds: tuple[Feed, ...]) -> Sequence[Run]:
        """Return the rows of one minute and feed at a time."""
        if not len(rows):
            return ()
        known = self._runs.get((id(rows.places), feeds))
        if known is None:
            moments = self.moments(rows, feeds)
            turns = np.flatnonzero(np.diff(moments)) + 1
            edges = [0, *turns.tolist(), len(rows)]
            told = (divmod(moment, len(feeds)) for moment in moments[edges[:-1]].tolist())
            known = [
                Run(minute, feeds[code], first, last)
                for (minute, code), (first, last) in zip(told, pairwise(edges), strict=True)
            ]
            self._runs[(id(rows.places), feeds)] = known
        return known

    def moments(self, rows: Rows, feeds: tuple[Feed, ...]) -> Places:
        """Return minute and feed of every row in one number: minutes times feeds, plus the feed."""
        return self.minutes[rows.places] * len(feeds) + self._feed_code(rows.places, feeds)

    def _of_dimension(self, dimension: str) -> Places:
        if self._dimensions is None:
            self._dimensions = _places_of(self.stats["dimension"])
        return self._dimensions.get(dimension, _NOWHERE)

    def _of_feed(self, feed: str) -> npt.NDArray[np.bool_]:
        known = self._feeds.get(feed)
        if known is None:
            known = self._feeds[feed] = (self.stats["feed"] == feed).to_numpy()
        return known

    def _feed_code(self, places: Places, feeds: Sequence[Feed]) -> Places:
        codes = np.zeros(len(places), np.int64)
        for code, feed in enumerate(feeds[1:], start=1):
            codes[self._of_feed(feed)[places]] = code
        return codes


def _places_of(texts: pl.Series) -> dict[str, Places]:
    """Return where each text stands; a few texts follow each other in long runs."""
    runs = texts.rle().struct
    lengths, names = runs.field("len").to_numpy().astype(np.int64), runs.field("value")
    firsts = np.cumsum(lengths) - lengths
    found = {}
    for name in names.unique().to_list():
        of = np.flatnonzero((names == name).to_numpy())
        own = lengths[of]
        before = np.cumsum(own) - own
        found[name] = np.repeat(firsts[of] - before, own) + np.arange(int(own.sum()))
    return found


_NOWHERE: Final[Places] = np.empty(0, np.int64)
