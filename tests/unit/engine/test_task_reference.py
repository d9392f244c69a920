"""A whole task equals the rules read row by row, late rows, duplicates and crashes included."""

from collections import Counter
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.event_time import HOUR, MINUTE, EventTimeRules
from pipeline.domain.feeds import FEEDS
from pipeline.domain.topics import COMPLETENESS, SESSIONS
from tests.support.added_up import SUMS, added_up
from tests.support.oracle import sessions_of
from tests.support.strategies import DST_NIGHT
from tests.support.task_line import TOPIC, TaskLine
from tests.support.task_reference import Raw, TaskReference, raw_rows
from tests.support.task_rows import feed_of, mark

PUBLISHED = 1_800_000_000_000_000
"""When ``MemoryKafka`` publishes."""
TIMES = (
    st.integers(-3, 6).map(lambda gaps: DST_NIGHT + gaps * 30 * MINUTE)
    | st.integers(-3, 6).map(lambda gaps: DST_NIGHT + gaps * 30 * MINUTE)
    | st.integers(DST_NIGHT - 3 * HOUR, DST_NIGHT + 3 * HOUR)
    | st.sampled_from([5, 946_684_800_000_000 - 1, PUBLISHED + HOUR + 1, 4_102_444_800_000_000])
)
MARKS = st.integers(-8, 24).map(lambda gaps: DST_NIGHT + gaps * 30 * MINUTE) | st.integers(
    DST_NIGHT - 3 * HOUR, DST_NIGHT + 12 * HOUR
)
RULES = st.sampled_from(
    [
        EventTimeRules(allowed_lateness=HOUR, time_zone="Europe/Berlin"),
        EventTimeRules(allowed_lateness=0, feeds=FEEDS),
        EventTimeRules(gap=MINUTE, allowed_lateness=5 * MINUTE, feeds=FEEDS),
        EventTimeRules(),
    ]
)


class Step(NamedTuple):
    """A chunk of rows per feed, marks, and what happens then."""

    rows: list[Raw]
    marks: dict[str, int]
    commit: bool
    crash: bool


STEPS = st.lists(
    st.builds(
        Step,
        st.lists(raw_rows(TIMES), min_size=1, max_size=8),
        st.dictionaries(st.sampled_from(FEEDS), MARKS, max_size=1),
        st.sampled_from([True, True, False]),
        st.booleans(),
    ),
    min_size=4,
    max_size=8,
)


def run(rules: EventTimeRules, steps: list[Step]) -> tuple[TaskLine, TaskReference]:
    """Run the steps through a task and the reference, and end event time.

    What comes of a feed that is not configured is not read.
    """
    line, reference = TaskLine(rules), TaskReference(rules, PUBLISHED)
    for step in steps:
        for feed in rules.feeds:
            own = [raw for raw in step.rows if feed_of(raw) == feed]
            if own:
                reference.chunk(own, line.kafka.end(TOPIC[feed], 0))
                line.kafka.write(TOPIC[feed], 0, own)
                line.host.step(TOPIC[feed], 1 << 40)
            if feed in step.marks:
                reference.mark(feed, step.marks[feed])
                line.kafka.publish(mark(feed, step.marks[feed]))
                line.host.step(TOPIC[feed], 1 << 40)
        assert line.task.watermarks.task == reference.watermark
        if step.commit or step.crash:
            line.commit()
        if step.crash:
            line.host.crash()
            assert line.task.watermarks.task == reference.watermark
    line.close(max(reference.largest or 0, DST_NIGHT + 12 * HOUR))
    return line, reference


def content(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("version", "_offset")}


@settings(max_examples=30)
@given(RULES, STEPS)
def test_rule_14_sessions_are_those_of_the_rows_that_are_neither_late_nor_known(
    rules: EventTimeRules, steps: list[Step]
) -> None:
    """And no identity comes back after its end, nor with a version that has been."""
    line, reference = run(rules, steps)
    shown = {identity: content(record) for identity, record in line.records().items()}
    assert shown == sessions_of(reference.kept, rules)
    ended: set[tuple[str, int]] = set()
    for record in line.kafka.rows(SESSIONS.name):
        identity = record["session_id"], record["start"]
        assert identity not in ended
        if record["status"] in ("final", "withdrawn"):
            ended.add(identity)
    assert line.task.open_sessions == 0


@settings(max_examples=30)
@given(RULES, STEPS)
def test_rule_23_every_row_is_counted_where_the_rules_put_it(
    rules: EventTimeRules, steps: list[Step]
) -> None:
    """In one of four places of its feed, in its minute only if it is neither late nor known."""
    line, reference = run(rules, steps)
    for feed in rules.feeds:
        tally = line.task.tallies[feed]
        for where in ("in_sessions", "without_session", "late", "duplicates"):
            assert getattr(tally, where) == reference.counts[feed, where]
        assert tally.balanced()
        assert tally.consumed == sum(feed_of(raw) == feed for s in steps for raw in s.rows)
    late = Counter((row["feed"], row["reason"], row["event_key"]) for row in line.late())
    assert late == reference.late
    found: Counter[tuple[str, int]] = Counter()
    for delta in line.deltas():
        found[delta["feed"], delta["minute"]] += delta["rows"]
    assert found == reference.minutes


@settings(max_examples=30)
@given(RULES, STEPS)
def test_rule_23_copies_are_counted_by_their_hour_once_through_crashes_and_late_rows_are_none(
    rules: EventTimeRules, steps: list[Step]
) -> None:
    line, reference = run(rules, steps)
    hours = added_up(line.kafka.rows(COMPLETENESS.name))
    assert {hour: here["duplicates"] for hour, here in hours.items()} == reference.copies
    others = [name for name in SUMS if name != "duplicates"]
    assert not any(here[name] for here in hours.values() for name in others)
