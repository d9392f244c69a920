"""What is found of a key in some minutes is what a walk over all of them finds."""

from typing import Any

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.cell_runs import CellRun, GivenRun, Layer, counted
from pipeline.detect.minute_cells import MinuteCells
from pipeline.detect.texts import RowKeys
from pipeline.domain.feeds import LIVE_EVENTS, WEB_LOGS, Feed

MINUTES = st.one_of(st.integers(0, 12), st.integers(700, 712))
"""Windows are short beside the minutes that are held, or long."""

FEEDS = st.sampled_from([WEB_LOGS, LIVE_EVENTS])
CELLS = st.dictionaries(st.sampled_from("abc"), st.integers(1, 9), max_size=3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), MINUTES, FEEDS, CELLS),
        st.tuples(st.just("give"), MINUTES, FEEDS, CELLS),
        st.tuples(st.just("settle"), MINUTES, st.dictionaries(FEEDS, CELLS, max_size=2)),
        st.tuples(st.just("drop"), MINUTES),
        st.tuples(st.just("ask"), MINUTES),
    ),
    max_size=25,
)


class Walked:
    """The same by walking: one dictionary of minutes."""

    def __init__(self) -> None:
        self.minutes: dict[int, dict[Feed, dict[str, int]]] = {}

    def take(self, step: tuple[Any, ...]) -> None:
        kind, minute, *rest = step
        if kind in {"put", "give"}:
            self.minutes.setdefault(minute, {}).setdefault(rest[0], {}).update(rest[1])
        elif kind == "ask":
            return
        elif kind == "drop":
            self.minutes = {at: of for at, of in self.minutes.items() if at >= minute}
        else:
            self.minutes.pop(minute, None)
            if rest[0]:
                self.minutes[minute] = {feed: dict(cells) for feed, cells in rest[0].items()}

    def of(self, minutes: range, key: str) -> dict[Feed, list[tuple[int, int]]]:
        found: dict[Feed, list[tuple[int, int]]] = {}
        for minute in minutes:
            for feed, cells in self.minutes.get(minute, {}).items():
                if key in cells:
                    found.setdefault(feed, []).append((minute, cells[key]))
        return found


def run_of(cells: dict[str, int]) -> CellRun[int]:
    """Return cells as they come: rows among others of a frame."""
    keys = RowKeys(pl.Series(["before", *cells, "behind"]))
    numbers = counted(np.array([7, *cells.values(), 7], np.int64))
    return CellRun(keys, numbers, 1, 1 + len(cells))


def layer_of(cells: dict[str, int]) -> Layer[int]:
    """Return the cells of a final minute and feed."""
    layer: Layer[int] = Layer()
    layer.put(run_of(cells))
    return layer


@given(STEPS, st.integers(-1, 12), st.integers(0, 14))
def test_cells_of_a_key_are_found_as_by_walking(
    steps: list[tuple[Any, ...]], first: int, length: int
) -> None:
    cells, walked = MinuteCells[int](), Walked()
    for step in steps:
        walked.take(step)
        if step[0] == "put":
            cells.put(step[1], step[2], run_of(step[3]))
        elif step[0] == "give":
            cells.put(step[1], step[2], GivenRun([*step[3].items()]))
        elif step[0] == "settle":
            cells.settle(step[1], {feed: layer_of(each) for feed, each in step[2].items()})
        elif step[0] == "drop":
            cells.drop(step[1])
        else:
            around = range(step[1] - 3, step[1] + 3)
            assert cells.of(around, "a") == walked.of(around, "a")
    for window in (range(first, first + length), range(first + 700, first + 700 + length)):
        gathered = cells.gathered(window)
        for key in "abc":
            assert cells.of(window, key) == walked.of(window, key)
            assert gathered.get(key, {}) == walked.of(window, key)
    for minute in (*range(13), *range(700, 713)):
        of = walked.minutes.get(minute, {})
        assert cells.width(minute) == len({key for each in of.values() for key in each})
        assert cells.at(minute) == of
        assert cells.keys(minute) == {key for each in of.values() for key in each}
