"""The parts of the room on their own."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.errors import OurMistake
from pipeline.domain.event_time import MICROS
from pipeline.domain.laid_out import Field, Lane, Log, Records
from pipeline.sessionize.activity_day import ActivityDays
from pipeline.sessionize.hash_index import HashIndex
from pipeline.sessionize.hashing import mix64, text_hash, unmix64
from pipeline.sessionize.hex128 import from_hex
from pipeline.sessionize.text_log import TextLog
from pipeline.sessionize.text_views import text_views
from pipeline.sessionize.time_wheel import TimeWheel
from tests.support import oracle

U64 = st.integers(0, (1 << 64) - 1)
GOLDEN = [
    "e220a8397b1dcdaf",
    "5e025f9ade9eaf3e",
    "0eb0d1a3dc9783ca",
    "e8ff4d9113231431",
    "8e58a8e5989327b8",
    "76c3513e21d32a54",
]


@given(st.lists(U64))
def test_mix64_is_splitmix_and_can_be_undone(values: list[int]) -> None:
    numbers = np.array(values, np.uint64)
    assert mix64(numbers).tolist() == [oracle.splitmix(value) for value in values]
    assert (unmix64(mix64(numbers)) == numbers).all()


@given(st.lists(st.text(max_size=40)), st.integers(0, 3))
def test_texts_hash_alike_one_by_one_and_together(texts: list[str], skipped: int) -> None:
    together = text_hash(text_views(pl.Series(texts, dtype=pl.String)[skipped:]))
    assert together.tolist() == [oracle.text_hash(text) for text in texts[skipped:]]


def test_hashes_of_texts_never_change() -> None:
    """Records and capped sets of other versions hold them."""
    texts = pl.Series(["", "a", "10.0.0.1", "Mozilla/5.0", "x" * 256, "x" * 257])
    assert [f"{each:016x}" for each in text_hash(text_views(texts)).tolist()] == GOLDEN


@given(st.lists(st.tuples(U64, U64)))
def test_hex_is_read_back(pairs: list[tuple[int, int]]) -> None:
    high, low = (np.array([pair[i] for pair in pairs], np.uint64) for i in (0, 1))
    texts = [f"{a:016x}{b:016x}" for a, b in pairs]
    read_high, read_low = from_hex(pl.Series(texts, dtype=pl.String))
    assert (read_high == high).all()
    assert (read_low == low).all()


@pytest.mark.parametrize("text", ["", "0" * 31, "0" * 31 + "G", "A" * 32])
def test_anything_but_32_hex_digits_is_refused(text: str) -> None:
    with pytest.raises(OurMistake):
        from_hex(pl.Series([text]))


class _Model:
    """What the index should hold."""

    def __init__(self) -> None:
        self.index = HashIndex()
        self.known: dict[int, int] = {}
        self.next = 0


@given(st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 60)))))
def test_the_index_is_a_dict(steps: list[tuple[bool, set[int]]]) -> None:
    model = _Model()
    for putting, keys in steps:
        # Keys of one home place: the multiplier's inverse spreads nothing in the high bits.
        own = [key for key in keys if (key in model.known) != putting]
        numbers = np.array(own, np.uint64)
        if putting:
            values = np.arange(model.next, model.next + len(own))
            model.index.put(numbers, values)
            model.known |= dict(zip(own, values.tolist(), strict=True))
            model.next += len(own)
        else:
            model.index.delete(numbers)
            for key in own:
                del model.known[key]
        everyone = np.arange(61).astype(np.uint64)
        expected = [model.known.get(key, -1) for key in range(61)]
        assert model.index.get(everyone).tolist() == expected
        assert model.index.size == len(model.known)


def test_the_index_survives_many_rounds_of_adding_and_deleting() -> None:
    index, random = HashIndex(), np.random.default_rng(3)
    for number in range(50):
        keys = np.unique(random.integers(0, 1 << 63, 700, dtype=np.uint64))
        index.put(keys, np.arange(len(keys)) + number * 1000)
        assert (index.get(keys) == np.arange(len(keys)) + number * 1000).all()
        index.delete(keys)
        assert (index.get(keys) == -1).all()
    assert index.size == 0


@given(
    st.sampled_from(
        ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"]
    ),
    st.integers(0, 86_399),
    st.lists(st.integers(946_684_800, 4_000_000_000), min_size=1, max_size=5),
)
def test_an_activity_day_holds_the_times_from_its_start_to_the_next(
    zone: str, day_start_s: int, seconds: list[int]
) -> None:
    days = ActivityDays(zone, day_start_s)
    times = np.array(seconds) * MICROS
    for time, day in zip(times.tolist(), days.of(times).tolist(), strict=True):
        assert days.start(day) <= time < days.start(day + 1)


def test_activity_days_start_at_the_local_hour() -> None:
    days = ActivityDays("America/New_York", 4 * 3600)
    for day in (19_000, 19_100, 19_200):
        started = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=days.start(day))
        assert started.hour in (8, 9)


LOGGED = Field("text", Lane(0), log=Log(1, 2))


def texts_of(log: TextLog, numbers: np.ndarray) -> list[str]:
    return Records(len(numbers), [numbers, *log.memory]).column(LOGGED)


def test_a_text_log_reads_back_and_survives_being_rewritten() -> None:
    log = TextLog()
    column = text_views(pl.Series(["x", "a", "", "ü", None, "b" * 100_000]))
    first, second = (log.append(column, np.array(rows)) for rows in ([1, 2, 3], [5]))
    numbers = np.array([second[0], first[2], first[1]])
    assert texts_of(log, numbers) == ["b" * 100_000, "ü", ""]
    before = log.memory
    kept = log.rewrite(np.array([first[2], -1, first[0]]))
    assert kept[1] == -1
    assert texts_of(log, kept[[0, 2]]) == ["ü", "a"]
    assert Records(3, [numbers, *before]).column(LOGGED) == ["b" * 100_000, "ü", ""]
    assert not log.wasteful(2)


entries = st.lists(st.tuples(st.integers(-5, 500), st.integers(0, 9)), max_size=20)


@given(st.lists(st.tuples(entries, st.integers(-100, 600)), max_size=8))
def test_a_time_wheel_gives_out_what_is_due_and_keeps_the_rest(
    turns: list[tuple[list[tuple[int, int]], int]],
) -> None:
    wheel, kept, now = TimeWheel(), list[tuple[int, int]](), -1000
    for number, (fresh, later) in enumerate(turns):
        now = max(now, later)
        wheel.put(np.array([b for b, _ in fresh], int), np.array([s for _, s in fresh], int))
        kept += fresh
        if number % 3 == 2:
            places = np.array([1, 0, *range(2, 9), -1])
            wheel.renumber(places)
            kept = [(bucket, int(places[slot])) for bucket, slot in kept if places[slot] >= 0]
        buckets, slots = wheel.due(now)
        found = list(zip(buckets.tolist(), slots.tolist(), strict=True))
        assert sorted(found) == sorted(entry for entry in kept if entry[0] <= now)
        kept = [entry for entry in kept if entry[0] > now]
        assert len(wheel) == len(kept)
