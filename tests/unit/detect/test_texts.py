"""Keys and lists of texts are those of the column, whatever rows are asked for."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.hot_keys import HotKeys
from pipeline.detect.signals import Sampled
from pipeline.detect.texts import RowKeys, TextLists

LISTS = st.lists(st.one_of(st.none(), st.lists(st.text(max_size=20), max_size=3)), max_size=9)


def lists_of(lists: list[list[str] | None], begin: int = 0) -> TextLists:
    """Return a column's lists; the column is a part of another, from ``begin`` on."""
    column = pl.Series([["x"]] * begin + list(lists), dtype=pl.List(pl.String))
    return TextLists.of(column[begin:])


@given(LISTS, st.integers(0, 3), st.data())
def test_lists_of_some_rows_are_those_of_the_column(
    lists: list[list[str] | None], begin: int, data: st.DataObject
) -> None:
    found, plain = lists_of(lists, begin), [tuple(one or ()) for one in lists]
    rows = data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=9)) if lists else []
    picked = found.picked(np.array(rows, np.int64))
    assert found.lengths.tolist() == [len(one) for one in plain]
    assert found.some(0, len(plain)) == plain
    assert picked.some(0, len(rows)) == [plain[row] for row in rows]
    assert [picked.at(at) for at in range(len(rows))] == [list(plain[row]) for row in rows]
    assert found.some(1, 3) == plain[1:3]


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.integers(0, 2))).map(
            sorted
        ),
        max_size=12,
    ),
    st.integers(0, 4),
)
def test_hot_keys_and_their_samples_are_the_latest_that_came(
    puts: list[list[tuple[int, str, int]]], dropped: int
) -> None:
    """As many puts as come before anybody looks."""
    hot, keys, samples = HotKeys(), dict[int, set[str]](), dict[tuple[int, str], list[str]]()
    for number, rows in enumerate(puts):
        if not rows:
            continue
        ids = [[f"{number}-{at}"] * count for at, (_, _, count) in enumerate(rows)]
        for (minute, key, count), own in zip(rows, ids, strict=True):
            keys.setdefault(minute, set()).add(key)
            if count:
                samples[minute, key] = own
        minutes = np.array([minute for minute, _, _ in rows], np.int64)
        texts = RowKeys(pl.Series([key for _, key, _ in rows]))
        having = np.array([count > 0 for _, _, count in rows])
        # The columns hold rows of others too: one before each.
        apart = [one for own in ids for one in (["other"], own)]
        nothing = lists_of([[]] * len(apart))
        places = np.arange(1, len(apart), 2)
        hot.put(minutes, Sampled(texts, places, lists_of(apart), nothing, having))
    hot.drop(dropped)
    kept = {minute: of for minute, of in keys.items() if minute >= dropped}
    assert sorted(hot.minutes()) == sorted(kept)
    for minute in range(4):
        assert set(hot.keys(minute)) == kept.get(minute, set())
        for key in "abc":
            own = samples.get((minute, key), []) if minute in kept else []
            assert hot.samples(minute, key) == (own, [])
