"""When a minute may be closed or dropped, over all partitions (rule 20)."""

from pipeline.codecs.marks import StageMark
from pipeline.domain.event_time import HOUR, EventTimeRules
from pipeline.engine.source_marks import SourceMarks

RULES = EventTimeRules()


def mark(
    partition: int, at: int, *, limit: int | None = None, idle: tuple[str, ...] = ()
) -> StageMark:
    watermarks = {"web_logs": at, "live_events": at + 5}
    return StageMark(partition, watermarks, idle, limit)  # type: ignore[arg-type]


def test_a_partition_that_never_spoke_holds_everything_back() -> None:
    marks = SourceMarks(RULES, 2)
    marks.take(mark(0, 100, limit=50))
    assert marks.closed_through == {}
    assert marks.limit is None


def test_the_smallest_partition_decides() -> None:
    marks = SourceMarks(RULES, 2)
    marks.take(mark(0, 100, limit=50))
    marks.take(mark(1, 80, limit=30))
    assert marks.closed_through == {"web_logs": 80, "live_events": 85}
    assert marks.limit == 30


def test_an_idle_feed_of_a_partition_holds_nothing_back() -> None:
    marks = SourceMarks(RULES, 2)
    marks.take(mark(0, 100, limit=50))
    marks.take(mark(1, 10, limit=40, idle=("web_logs",)))
    assert marks.closed_through == {"web_logs": 100, "live_events": 15}


def test_a_wholly_idle_partition_does_not_hold_the_limit() -> None:
    marks = SourceMarks(RULES, 2)
    marks.take(mark(0, 100, limit=50))
    marks.take(mark(1, 10, limit=None, idle=("web_logs", "live_events")))
    assert marks.limit == 50


def test_nothing_goes_back_when_an_idle_partition_returns() -> None:
    marks = SourceMarks(RULES, 2)
    marks.take(mark(0, 100, limit=50))
    marks.take(mark(1, 10, limit=None, idle=("web_logs", "live_events")))
    marks.take(mark(1, 20, limit=5))
    assert marks.closed_through == {"web_logs": 100, "live_events": 105}
    assert marks.limit == 50


def test_patience_with_silent_partitions_ends_after_the_longest_idle_timeout() -> None:
    marks = SourceMarks(RULES, 2)
    marks.tick(0)
    marks.take(mark(0, 100, limit=50))
    marks.tick(24 * HOUR - 1)
    assert marks.limit is None
    marks.tick(24 * HOUR)
    assert marks.limit == 50


def test_a_snapshot_goes_on_where_it_stood() -> None:
    marks = SourceMarks(RULES, 2)
    marks.take(mark(0, 100, limit=50))
    marks.take(mark(1, 80, limit=30))
    again = SourceMarks(RULES, 2)
    again.restore(marks.snapshot())
    assert again.closed_through == marks.closed_through
    assert again.limit == 30
    again.take(mark(1, 90, limit=45))
    assert again.limit == 45
