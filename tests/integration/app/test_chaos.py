"""Five faults under load: the result is that of an undisturbed run (rule 27)."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sink.client import open_client
from tests.chaos.comparison import compare, differences
from tests.chaos.driver import Driver
from tests.chaos.load import SPEAKING_FEEDS
from tests.chaos.watch import Standstill

SEED = 955
FAULTS = {"kill ClickHouse", "stop Kafka", "kill a worker", "kill an agent", "freeze a worker"}
"""What the dice of this seed give: one of each."""

ROUNDS = 5
ROWS_OF_A_FEED = 1_000
"""Fewer meet no fault."""

ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.binary(max_size=2)))


@pytest.mark.stack
@pytest.mark.crash
@pytest.mark.timeout(1800)
def test_faults_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    driver = Driver(tmp_path, ROUNDS, SEED, print)
    try:
        outcome = driver.run()
        assert outcome.problems == []
        assert set(outcome.faults) == FAULTS
        assert sum(outcome.faults.values()) == ROUNDS
        for feed in SPEAKING_FEEDS:
            tally = driver.expected.tallies[feed]
            assert tally.consumed > ROWS_OF_A_FEED
            assert tally.late
            assert tally.duplicates
        client = open_client(driver.line.settings.clickhouse())
        for store in ("course_audit_store", "late_rows_store"):
            client.command(f"TRUNCATE TABLE {store}")
        client.close()
        problems = sorted(compare(driver.line.settings, driver.expected))
        assert [problem.partition(":")[0] for problem in problems] == [
            "ClickHouse course_audit",
            "ClickHouse late_rows",
        ]
    finally:
        driver.close()


@given(ROWS, ROWS)
def test_frames_differ_unless_they_hold_the_same_rows_as_often(
    expected: list[tuple[str, int, bytes]], found: list[tuple[str, int, bytes]]
) -> None:
    schema = {"name": pl.String, "number": pl.Int64, "bytes": pl.Binary}
    frames = (pl.DataFrame(rows, schema=schema, orient="row") for rows in (expected, found))
    equal = sorted(expected) == sorted(found)
    assert (differences("frames", *frames) == []) == equal


def test_only_time_between_answers_that_saw_no_progress_is_standstill() -> None:
    seen = Standstill(0.0)
    seen.answered((1,), behind=5, now=10.0)
    seen.answered((1,), behind=5, now=15.0)
    seen.unanswered()
    seen.answered((1,), behind=5, now=75.0)
    assert (seen.still_s, seen.moved_at, seen.answered_at) == (5.0, 10.0, 75.0)
    seen.answered((1,), behind=5, now=77.0)
    assert seen.still_s == 7.0
    seen.answered((2,), behind=4, now=80.0)
    assert (seen.still_s, seen.longest_s, seen.moved_at) == (0.0, 7.0, 80.0)


def test_a_line_with_nothing_to_do_does_not_stand_still() -> None:
    seen = Standstill(0.0)
    for now in (1.0, 100.0, 200.0):
        seen.answered((1,), behind=0, now=now)
    assert (seen.still_s, seen.longest_s, seen.moved_at) == (0.0, 0.0, 200.0)
