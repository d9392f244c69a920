"""When a task commits."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.kafka.pace import Pace

PACE = Pace(
    interval_s=0.5, behind_interval_s=3.0, rows=100, most_rows=200, size=1000, most_size=2000
)


@given(rows=st.integers(0, 1000), size=st.integers(0, 5000), elapsed_s=st.floats(0, 10))
def test_a_task_that_is_behind_never_commits_earlier(
    rows: int, size: int, elapsed_s: float
) -> None:
    if PACE.due(rows, size, elapsed_s, behind=True):
        assert PACE.due(rows, size, elapsed_s, behind=False)


def test_enough_rows_are_committed_at_once() -> None:
    assert PACE.due(100, 0, 0.0, behind=True)
    assert not PACE.due(99, 999, 0.4, behind=False)


def test_few_rows_of_very_many_bytes_are_committed_at_once() -> None:
    assert PACE.due(1, 1000, 0.0, behind=True)


def test_the_interval_is_longer_for_a_task_that_is_behind() -> None:
    assert PACE.due(0, 0, 0.5, behind=False)
    assert not PACE.due(0, 0, 2.9, behind=True)
    assert PACE.due(0, 0, 3.0, behind=True)


def test_adding_waits_when_there_are_very_many_rows_or_bytes() -> None:
    assert not PACE.full(199, 1999)
    assert PACE.full(200, 0)
    assert PACE.full(1, 2000)


@given(rows=st.integers(0, 1 << 20), size=st.integers(0, 1 << 30))
def test_what_must_wait_for_a_commit_makes_one_due(rows: int, size: int) -> None:
    for pace in (PACE, Pace()):
        assert not pace.full(rows, size) or pace.due(rows, size, 0.0, behind=True)
