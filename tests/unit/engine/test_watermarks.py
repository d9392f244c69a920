"""Watermarks: rules 14, 16 and 18."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.event_time import HOUR, MINUTE, EventTimeRules
from pipeline.engine.watermarks import Watermarks

RULES = EventTimeRules()
T = 1_700_000_000_000_000


def both_at(web_logs: int, live_events: int) -> Watermarks:
    watermarks = Watermarks(RULES)
    watermarks.mark("web_logs", web_logs)
    watermarks.mark("live_events", live_events)
    return watermarks


def test_live_events_follow_their_rows_by_two_minutes() -> None:
    watermarks = Watermarks(RULES)
    watermarks.rows("live_events", T)
    assert watermarks.feeds == {"live_events": T - 2 * MINUTE}


def test_web_logs_move_by_marks_only() -> None:
    watermarks = Watermarks(RULES)
    watermarks.rows("web_logs", T)
    assert watermarks.feeds == {}
    watermarks.mark("web_logs", T - HOUR)
    assert watermarks.feeds == {"web_logs": T - HOUR}


def test_web_logs_of_a_foreign_producer_may_move_by_rows() -> None:
    watermarks = Watermarks(EventTimeRules(out_of_orderness={"web_logs": 5 * MINUTE}))
    watermarks.rows("web_logs", T)
    assert watermarks.feeds == {"web_logs": T - 5 * MINUTE}


def test_the_task_waits_for_a_feed_that_never_spoke() -> None:
    watermarks = Watermarks(RULES)
    watermarks.mark("live_events", T)
    assert watermarks.task is None
    assert watermarks.limit is None


def test_the_task_stands_at_the_slowest_feed() -> None:
    watermarks = both_at(T - HOUR, T)
    assert watermarks.task == T - HOUR
    assert watermarks.limit == T - HOUR - RULES.gap - RULES.allowed_lateness


def test_a_feed_idle_for_its_timeout_holds_nothing_back() -> None:
    watermarks = Watermarks(RULES)
    watermarks.mark("web_logs", T)
    assert not watermarks.tick(0)
    assert not watermarks.tick(10 * MINUTE - 1)
    assert watermarks.task is None
    assert watermarks.tick(10 * MINUTE)
    assert watermarks.idle == ("live_events",)
    assert watermarks.task == T


def test_an_idle_feed_that_speaks_again_moves_nothing_back() -> None:
    watermarks = Watermarks(RULES)
    watermarks.mark("web_logs", T)
    watermarks.tick(0)
    watermarks.tick(10 * MINUTE)
    watermarks.mark("live_events", T - HOUR)
    assert watermarks.idle == ()
    assert watermarks.task == T
    watermarks.mark("live_events", T + HOUR)
    watermarks.mark("web_logs", T + HOUR)
    assert watermarks.task == T + HOUR


def test_time_stands_still_when_all_feeds_are_idle() -> None:
    watermarks = both_at(T - HOUR, T)
    watermarks.tick(0)
    watermarks.tick(1)
    watermarks.tick(48 * HOUR)
    assert watermarks.idle == ("web_logs", "live_events")
    assert watermarks.task == T - HOUR


def test_a_speaking_feed_is_never_idle() -> None:
    watermarks = both_at(T, T)
    for minute in range(30):
        watermarks.mark("live_events", T + minute)
        watermarks.tick(minute * MINUTE)
    assert watermarks.idle == ()


def test_a_snapshot_goes_on_where_it_stood() -> None:
    watermarks = both_at(T - HOUR, T)
    watermarks.rows("live_events", T + HOUR)
    again = Watermarks(RULES)
    again.restore(watermarks.snapshot())
    assert again.feeds == watermarks.feeds
    assert again.task == watermarks.task
    assert again.largest == T + HOUR


steps = st.lists(
    st.tuples(
        st.sampled_from(["rows", "mark", "tick"]),
        st.sampled_from(["web_logs", "live_events"]),
        st.integers(0, 100 * HOUR),
    ),
    max_size=40,
)


@given(steps)
def test_no_watermark_ever_goes_back(steps: list[tuple[str, str, int]]) -> None:
    watermarks = Watermarks(RULES)
    before: dict[str, int] = {}
    task_before = None
    for kind, feed, at in steps:
        if kind == "rows":
            watermarks.rows(feed, at)  # type: ignore[arg-type]
        elif kind == "mark":
            watermarks.mark(feed, at)  # type: ignore[arg-type]
        else:
            watermarks.tick(at)
        for name, value in before.items():
            assert watermarks.feeds[name] >= value  # type: ignore[index]
        before = dict(watermarks.feeds)
        if task_before is not None:
            assert watermarks.task is not None
            assert watermarks.task >= task_before
        task_before = watermarks.task
