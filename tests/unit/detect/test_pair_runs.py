"""Runs of pairs name and pair what their rows say, as plain loops do."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.pair_runs import Paired, PairRun, pair_names
from pipeline.detect.texts import RowKeys, TextLists

KIND = "\x01"
WORDS = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=5)
ROWS = st.dictionaries(WORDS, st.frozensets(WORDS, max_size=4), max_size=8)


@given(ROWS, st.integers(0, 8), st.integers(0, 8))
def test_pairs_are_those_of_the_rows(
    rows: dict[str, frozenset[str]], first: int, length: int
) -> None:
    first = min(first, len(rows))
    last = min(first + length, len(rows))
    keys = RowKeys(pl.Series([*rows], dtype=pl.String))
    members = pl.Series([sorted(each) for each in rows.values()], dtype=pl.List(pl.String))
    run = PairRun(KIND, keys, TextLists.of(members), first, last)
    chosen = [*rows.items()][first:last]
    names = {KIND + key + KIND + one for key, each in chosen for one in each}
    assert len(run) == len(names)
    assert set(run.keys()) == names
    assert dict(run.pairs()) == dict.fromkeys(names, 1)
    paired: Paired = {}
    run.pair(paired)
    assert {at: each for at, each in paired.items() if each} == {
        (KIND, key): set(each) for key, each in chosen if each
    }
    again: Paired = {}
    pair_names([*run.keys(), "a plain key"], (KIND,), again)
    assert again == {at: each for at, each in paired.items() if each}
