"""However many courses a round has, Canvas is asked so often an hour and no more."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.course_audit.pace import HALF_A_BUCKET, LEAK_PER_S, Pace

HOUR_S = 3600.0
THINKING_S = st.floats(0, 500)
REMAINING = st.none() | st.floats(0, 700)


@given(st.integers(1, 20), st.lists(st.tuples(THINKING_S, REMAINING), min_size=25, max_size=60))
def test_no_hour_has_more_requests_than_are_allowed(
    most: int, answers: list[tuple[float, float | None]]
) -> None:
    pace, now_s = Pace(most), 1000.0
    asked: list[float] = []
    for thinking_s, remaining in answers:
        now_s += pace.take(now_s)
        asked.append(now_s)
        if remaining is not None:
            pace.saw_remaining(remaining, now_s)
        now_s += thinking_s
    for first, last in zip(asked, asked[most:], strict=False):
        assert last - first >= HOUR_S - 1e-6


@given(st.floats(0, HALF_A_BUCKET), st.floats(0, 100))
def test_half_a_bucket_is_left_to_others(remaining: float, elapsed_s: float) -> None:
    pace, now_s = Pace(10**9), 1000.0
    pace.take(now_s)
    pace.saw_remaining(remaining, now_s)
    at_s = now_s + elapsed_s + pace.take(now_s + elapsed_s)
    assert remaining + (at_s - now_s) * LEAK_PER_S >= HALF_A_BUCKET - 1e-6
