"""The oldest offset whose event key still matters."""

from pipeline.engine.key_ranges import KeyRanges


def test_nothing_held_asks_for_nothing() -> None:
    assert KeyRanges().oldest(None) is None


def test_without_a_limit_everything_matters() -> None:
    ranges = KeyRanges(rows_per_range=10)
    ranges.add(0, 99, 5)
    ranges.add(100, 199, 50)
    assert ranges.oldest(None) == 0


def test_a_range_wholly_below_the_limit_is_let_go() -> None:
    ranges = KeyRanges(rows_per_range=10)
    ranges.add(0, 99, 5)
    ranges.add(100, 199, 50)
    assert ranges.oldest(5) == 0
    assert ranges.oldest(6) == 100
    assert ranges.oldest(51) is None


def test_small_neighbours_share_a_range_that_keeps_the_largest_time() -> None:
    ranges = KeyRanges(rows_per_range=100)
    ranges.add(0, 9, 50)
    ranges.add(10, 19, 5)
    assert ranges.oldest(50) == 0
    assert ranges.oldest(51) is None
