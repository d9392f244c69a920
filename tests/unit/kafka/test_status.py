"""The deadman."""

from pipeline.kafka.fetched import Reach
from pipeline.kafka.status import WorkerStatus

P0 = ("numbers", 0)
P1 = ("numbers", 1)


def reach(end: int, *, fetched: int | None = None, written: int | None = None) -> Reach:
    return Reach(end, end if fetched is None else fetched, end if written is None else written)


def test_a_partition_read_to_its_end_is_never_stalled() -> None:
    status = WorkerStatus()
    status.observe({P0: reach(10)}, {P0: 10})
    status.observe({P0: reach(10)}, {P0: 10})
    assert (status.stalled_s, status.lag) == (0.0, {P0: 0})


def test_lag_without_progress_is_stalled() -> None:
    status = WorkerStatus()
    status.observe({P0: reach(20)}, {P0: 10})
    status.observe({P0: reach(20)}, {P0: 10})
    assert status.stalled_s > 0
    assert (status.lag, status.held_back) == ({P0: 10}, {P0: 0})


def test_progress_ends_a_stall() -> None:
    status = WorkerStatus()
    status.observe({P0: reach(20)}, {P0: 10})
    status.observe({P0: reach(20)}, {P0: 10})
    status.observe({P0: reach(20)}, {P0: 11})
    assert status.stalled_s == 0.0


def test_one_partition_stalls_while_another_gets_on() -> None:
    status = WorkerStatus()
    for position in (10, 11, 12):
        status.observe({P0: reach(20), P1: reach(20)}, {P0: position, P1: 10})
    assert status.stalled[P0] == 0.0
    assert status.stalled[P1] > 0
    assert status.stalled_s == status.stalled[P1]


def test_a_partition_that_was_taken_away_is_forgotten() -> None:
    status = WorkerStatus()
    status.observe({P0: reach(20)}, {P0: 10})
    status.observe({}, {})
    assert (status.stalled, status.lag, status.held_back) == ({}, {}, {})
    assert status.stalled_s == 0.0


def test_a_partition_of_which_not_even_the_consumer_has_a_position_is_waited_for() -> None:
    status = WorkerStatus()
    for _ in range(2):
        status.observe({P0: Reach(20, None, 20)}, {})
    assert status.stalled_s > 0
    assert status.lag == {}


def test_a_partition_without_new_records_is_not_stalled_though_nobody_committed_it() -> None:
    status = WorkerStatus()
    for _ in range(2):
        status.observe({P0: Reach(20, None, 20)}, {})
    for _ in range(2):
        status.observe({P0: reach(20)}, {})
    assert (status.stalled_s, status.lag) == (0.0, {P0: 0})


def test_records_that_were_fetched_and_never_taken_stall_a_partition() -> None:
    status = WorkerStatus()
    status.observe({P0: reach(10)}, {})
    for _ in range(2):
        status.observe({P0: reach(15)}, {})
    assert status.stalled_s > 0
    assert status.lag == {P0: 5}
    status.observe({P0: reach(15)}, {P0: 15})
    assert status.stalled_s == 0.0


def test_what_another_worker_took_meanwhile_is_no_lag_of_this_one() -> None:
    status = WorkerStatus()
    status.observe({P0: reach(10)}, {P0: 10})
    for _ in range(2):
        status.observe({P0: reach(15)}, {})
    assert (status.stalled_s, status.lag) == (0.0, {P0: 0})


def test_a_partition_before_an_open_transaction_is_stalled_until_its_end() -> None:
    status = WorkerStatus()
    for _ in range(2):
        status.observe({P0: reach(10, written=12)}, {P0: 10})
    assert status.stalled_s > 0
    assert (status.lag, status.held_back) == ({P0: 0}, {P0: 2})
    status.observe({P0: reach(13)}, {P0: 13})
    assert (status.stalled_s, status.held_back) == (0.0, {P0: 0})
