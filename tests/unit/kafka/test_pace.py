"""When a task commits."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.kafka.pace import Pace

PACE = Pace(interval_s=0.5, behind_interval_s=3.0, rows=100)


@given(rows=st.integers(0, 1000), elapsed_s=st.floats(0, 10))
def test_a_task_that_is_behind_never_commits_earlier(rows: int, elapsed_s: float) -> None:
    if PACE.due(rows, elapsed_s, behind=True):
        assert PACE.due(rows, elapsed_s, behind=False)


def test_enough_rows_are_committed_at_once() -> None:
    assert PACE.due(100, 0.0, behind=True)
    assert not PACE.due(99, 0.4, behind=False)


def test_the_interval_is_longer_for_a_task_that_is_behind() -> None:
    assert PACE.due(0, 0.5, behind=False)
    assert not PACE.due(0, 2.9, behind=True)
    assert PACE.due(0, 3.0, behind=True)
