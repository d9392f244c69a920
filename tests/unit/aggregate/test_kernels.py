"""The compiled loops agree with plain Python."""

from collections import defaultdict
from collections.abc import Iterable
from random import Random

import numpy as np
import numpy.typing as npt
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.aggregate import count_kernels
from pipeline.aggregate.action_keys import ActionKeys
from pipeline.aggregate.arrow_texts import texts_of
from pipeline.aggregate.batch_columns import BatchColumns, item_views, text_views
from pipeline.aggregate.counts import MAXIMUM, NUMBERS
from pipeline.aggregate.dimensions.traits import traits_of_action
from pipeline.aggregate.indexes import PairIndex, TextIndex
from pipeline.aggregate.smallest_texts import SmallestTexts

texts = st.text(max_size=20)
spaces = st.integers(-(2**62), 2**62) | st.integers(0, 3)
named = st.lists(st.lists(st.tuples(spaces, texts), max_size=300), max_size=4)


def series(values: Iterable[str]) -> pl.Series:
    return pl.Series(list(values), dtype=pl.String)


def ints(values: Iterable[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(list(values), np.int64)


@given(named)
def test_a_text_index_numbers_texts_in_the_order_in_which_they_first_come(
    chunks: list[list[tuple[int, str]]],
) -> None:
    index, wanted = TextIndex(), dict[tuple[int, str], int]()
    for rows in chunks:
        found = index.numbers(ints(s for s, _ in rows), texts_of(series(t for _, t in rows)))
        assert found.tolist() == [wanted.setdefault(row, len(wanted)) for row in rows]
    everything = np.arange(len(wanted))
    assert index.texts(everything).series().to_list() == [text for _, text in wanted]
    assert index.spaces.tolist() == [space for space, _ in wanted]


@given(st.lists(st.lists(st.none() | texts, max_size=300), max_size=4), texts)
def test_texts_are_numbered_where_they_lie_as_copies_are(
    chunks: list[list[str | None]], word: str
) -> None:
    there, copied, missing = TextIndex(), TextIndex(), np.frombuffer(word.encode(), np.uint8)
    for rows in chunks:
        column = pl.DataFrame({"t": pl.Series(rows, dtype=pl.String)})
        found = there.numbers_of_views(3, BatchColumns(column).views("t"), missing)
        said = texts_of(series(word if text is None else text for text in rows))
        assert found.tolist() == copied.numbers(np.full(len(rows), 3), said).tolist()
    everything = np.arange(len(copied))
    assert there.texts(everything).series().equals(copied.texts(everything).series())


def test_an_index_of_many_texts_and_pairs_grows() -> None:
    numbers = np.arange(50_000)
    index, pairs = TextIndex(), PairIndex()
    many = texts_of(pl.Series(numbers).cast(pl.String) + "#" * 30)
    for _ in range(2):
        assert (index.numbers(numbers % 7, many) == numbers).all()
        assert (pairs.numbers(numbers % 7, numbers) == numbers).all()
    index.clear()
    assert (index.numbers(numbers[:3], many) == numbers[:3]).all()


@given(st.lists(st.lists(st.tuples(spaces, spaces), max_size=300), max_size=4))
def test_a_pair_index_numbers_pairs_in_the_order_in_which_they_first_come(
    chunks: list[list[tuple[int, int]]],
) -> None:
    index, wanted = PairIndex(), dict[tuple[int, int], int]()
    for rows in chunks:
        found = index.numbers(ints(a for a, _ in rows), ints(b for _, b in rows))
        assert found.tolist() == [wanted.setdefault(row, len(wanted)) for row in rows]
    assert list(zip(index.left.tolist(), index.right.tolist(), strict=True)) == list(wanted)


words = st.none() | st.sampled_from(["tokens", "files", "files#a", "a#show", "show", "", "é" * 9])


@given(st.lists(st.lists(st.tuples(words, words), min_size=1, max_size=40), max_size=4))
def test_keys_and_traits_of_actions_are_those_of_texts_joined_row_by_row(
    commits: list[list[tuple[str | None, str | None]]],
) -> None:
    actions, keys = ActionKeys(3), TextIndex()
    for rows in commits:
        frame = pl.DataFrame(rows, {"controller": pl.String, "action": pl.String}, orient="row")
        joined = ["#".join("unspecified" if w is None else w for w in row) for row in rows]
        for _ in range(2):
            numbers, traits = actions.of(BatchColumns(frame), keys)
            assert keys.texts(numbers).series().to_list() == joined
            assert traits.tolist() == [traits_of_action(text) for text in joined]
        assert set(keys.spaces.tolist()) == {3}
        assert len(keys) == len(set(joined))
        keys.clear()
        actions.clear()


def lists_of(kept: SmallestTexts, groups: npt.NDArray[np.int64]) -> list[list[str]]:
    """Return what is kept of groups."""
    return pl.Series(values=kept.lists(groups).arrow()).to_list()


def offer(kept: SmallestTexts, groups: npt.NDArray[np.int64], column: pl.Series) -> None:
    kept.add_views(groups, text_views(column), np.arange(len(groups)))


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 4), st.none() | texts), max_size=50), max_size=4),
    st.sets(st.integers(0, 4)),
    st.randoms(use_true_random=False),
)
def test_the_smallest_texts_of_a_group_are_those_of_a_sorted_set(
    chunks: list[list[tuple[int, str | None]]], forgotten: set[int], random: Random
) -> None:
    kept, wanted = SmallestTexts(3), defaultdict[int, set[str]](set)
    for rows in chunks:
        column = pl.Series([text for _, text in rows], dtype=pl.String)
        chosen = ints(random.sample(range(len(rows)), random.randint(0, len(rows))))
        kept.add_views(ints(g for g, _ in rows)[chosen], text_views(column), chosen)
        for group, text in (rows[row] for row in chosen.tolist()):
            wanted[group] |= set() if text is None else {text}
    kept.forget(ints(forgotten))
    for group in forgotten:
        wanted[group].clear()
    # Python and UTF-8 bytes order texts alike.
    expected = [sorted(wanted[group])[:3] for group in range(5)]
    assert lists_of(kept, np.arange(5)) == expected
    kept.keep(ints([4, 2]))
    assert lists_of(kept, np.arange(2)) == [expected[4], expected[2]]


def test_smallest_texts_outgrow_their_room() -> None:
    kept, groups = SmallestTexts(2), np.arange(4000)
    for letter in "cba":
        offer(kept, groups, pl.Series([letter * 40]).new_from_index(0, len(groups)))
    assert lists_of(kept, groups) == [["a" * 40, "b" * 40]] * len(groups)


def test_smallest_texts_of_one_length_take_no_more_room() -> None:
    kept, group = SmallestTexts(3), np.zeros(1, np.int64)
    for number in range(2000, 1000, -1):
        offer(kept, group, pl.Series([f"{number:036}"]))
    assert lists_of(kept, group) == [[f"{number:036}" for number in range(1001, 1004)]]
    assert kept._filled.tolist() == [3 * 36, 3 * 36]


@given(st.lists(st.lists(texts, max_size=4), max_size=20), st.integers(0, 20))
def test_items_of_lists_are_all_texts_in_order(lists: list[list[str]], start: int) -> None:
    column = pl.Series(lists, dtype=pl.List(pl.String))[start:]
    counts, items = item_views(column)
    assert counts.tolist() == [len(each) for each in lists[start:]]
    index = TextIndex()
    numbers = index.numbers_of_views(0, items, np.zeros(0, np.uint8))
    found = index.texts(numbers).series().to_list()
    assert found == [text for each in lists[start:] for text in each]


@given(st.lists(st.lists(st.integers(0, 9), max_size=20), max_size=4))
def test_the_first_row_of_every_slot_is_told_once(chunks: list[list[int]]) -> None:
    alive, seen = np.zeros(10, bool), set[int]()
    for slots in chunks:
        first = [at for at, slot in enumerate(slots) if slot not in {*seen, *slots[:at]}]
        assert count_kernels.first_rows(ints(slots), alive).tolist() == first
        seen |= set(slots)
        assert set(np.flatnonzero(alive).tolist()) == seen


def test_the_kernels_name_the_columns_by_their_places() -> None:
    places = {
        "rows": count_kernels.ROWS,
        "status_1xx": count_kernels.CLASS_0,
        "status_other": count_kernels.CLASS_0 + 5,
        "errors": count_kernels.ERRORS,
        "writes": count_kernels.WRITES,
        "masqueraded": count_kernels.MASQUERADED,
        "participations": count_kernels.PARTICIPATIONS,
        "duration_sum": count_kernels.DURATION_SUM,
        MAXIMUM: count_kernels.DURATION_MAX,
        "bucket_0": count_kernels.BUCKET_0,
        "bucket_15": count_kernels.BUCKET_0 + count_kernels.BUCKETS - 1,
    }
    assert {name: NUMBERS.index(name) for name in places} == places
