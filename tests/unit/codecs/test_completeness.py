"""What a transaction adds to each hour equals a count row by row."""

from collections import defaultdict

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.completeness import completeness
from pipeline.domain.event_time import HOUR
from pipeline.domain.topics import COURSE_AUDIT, LIVE_EVENTS, WEB_LOGS, Topic

BEGIN = 1_771_200_000_000_000
TIMES = {WEB_LOGS: "timestamp", LIVE_EVENTS: "event_time", COURSE_AUDIT: "created_at"}
instants = st.integers(BEGIN - 2 * HOUR, BEGIN + 2 * HOUR) | st.sampled_from(
    [BEGIN, BEGIN - 1, BEGIN + HOUR]
)


@given(st.sampled_from(list(TIMES)), st.lists(st.tuples(instants, instants), min_size=1))
def test_rows_are_counted_by_the_hour_of_their_own_time(
    topic: Topic, rows: list[tuple[int, int]]
) -> None:
    name = TIMES[topic]
    frame = pl.DataFrame(rows, schema={name: pl.Int64, "ingested_at": pl.Int64}, orient="row")
    counts = completeness(topic.name, frame)
    hours = defaultdict(list)
    for at, ingested_at in rows:
        hours[at // HOUR * HOUR].append((at, ingested_at))
    assert counts is not None
    assert counts.to_dicts() == [
        {
            "start": start,
            "feed": topic.name.split(".")[1],
            "published": len(held),
            "deletes": 0,
            "dead": 0,
            "lag_sum": sum(max(ingested_at - at, 0) for at, ingested_at in held),
            "lag_max": max(max(ingested_at - at, 0) for at, ingested_at in held),
            "first_at": min(at for at, _ in held),
            "last_at": max(at for at, _ in held),
            "recorded_at": max(ingested_at for _, ingested_at in held),
        }
        for start, held in sorted(hours.items())
    ]
