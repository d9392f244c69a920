"""Laws of windows and pace."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.course_audit.pace import HALF_A_BUCKET, LEAK_PER_S, Pace
from pipeline.ingest.course_audit.windows import FINEST, SECOND, Window, joined, remaining

TIMES = st.integers(0, 20 * SECOND)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    start = draw(TIMES)
    return Window(start, start + draw(TIMES))


@given(windows(), st.data())
def test_what_remains_covers_all_that_may_be_older_than_a_page(
    window: Window, data: st.DataObject
) -> None:
    last = data.draw(st.integers(window.start, window.end))
    oldest = last // SECOND * SECOND
    left = remaining(window, oldest)
    if left is None:
        assert window.end - max(window.start, oldest) <= FINEST
        return
    for instant in range(window.start, last + 1, max(1, (last - window.start) // 50)):
        assert any(one.start <= instant <= one.end for one in left), instant
    assert all(one.end - one.start < window.end - window.start for one in left)
    assert all(a.end > b.end for a, b in pairwise(left))


@given(st.lists(windows()))
def test_joined_windows_cover_the_same_and_touch_nowhere(given_: list[Window]) -> None:
    result = joined(given_)
    edges = {edge for one in given_ for edge in (one.start - 1, one.start, one.end, one.end + 1)}
    for instant in edges:
        covered = any(one.start <= instant <= one.end for one in given_)
        assert covered == any(one.start <= instant <= one.end for one in result)
    assert all(newer.start > older.end for newer, older in pairwise(result))


@given(st.integers(60, 100_000), st.lists(st.floats(0, 10), min_size=1, max_size=50))
def test_requests_keep_their_number_an_hour(per_hour: int, steps: list[float]) -> None:
    pace, now, sent = Pace(per_hour), 100.0, []
    for step in steps:
        now += step
        now += pace.take(now)
        sent.append(now)
    assert all(b - a >= 3600 / per_hour - 1e-6 for a, b in pairwise(sent))


@given(st.floats(0, 800))
def test_half_of_the_bucket_is_left_to_others(remaining_units: float) -> None:
    pace = Pace(3_600_000)
    pace.saw_remaining(remaining_units, 50.0)
    waited = pace.take(50.0)
    assert remaining_units + waited * LEAK_PER_S >= min(HALF_A_BUCKET, remaining_units) - 1e-6
    assert (waited == 0) == (remaining_units >= HALF_A_BUCKET)
    assert remaining_units >= HALF_A_BUCKET or (
        abs(remaining_units + waited * LEAK_PER_S - HALF_A_BUCKET) < 1e-6
    )
