"""The deadman."""

from pipeline.kafka.status import WorkerStatus

P0 = ("numbers", 0)
P1 = ("numbers", 1)


def test_a_partition_read_to_its_end_is_never_stalled() -> None:
    status = WorkerStatus()
    status.observe({P0: 10}, {P0: 10})
    status.observe({P0: 10}, {P0: 10})
    assert (status.stalled_s, status.lag) == (0.0, {P0: 0})


def test_lag_without_progress_is_stalled() -> None:
    status = WorkerStatus()
    status.observe({P0: 20}, {P0: 10})
    status.observe({P0: 20}, {P0: 10})
    assert status.stalled_s > 0
    assert status.lag == {P0: 10}


def test_progress_ends_a_stall() -> None:
    status = WorkerStatus()
    status.observe({P0: 20}, {P0: 10})
    status.observe({P0: 20}, {P0: 10})
    status.observe({P0: 20}, {P0: 11})
    assert status.stalled_s == 0.0


def test_one_partition_stalls_while_another_gets_on() -> None:
    status = WorkerStatus()
    for position in (10, 11, 12):
        status.observe({P0: 20, P1: 20}, {P0: position, P1: 10})
    assert status.stalled[P0] == 0.0
    assert status.stalled[P1] > 0
    assert status.stalled_s == status.stalled[P1]


def test_a_partition_that_was_taken_away_is_forgotten() -> None:
    status = WorkerStatus()
    status.observe({P0: 20}, {P0: 10})
    status.observe({}, {})
    assert (status.stalled, status.lag, status.stalled_s) == ({}, {}, 0.0)


def test_a_partition_without_a_position_is_waited_for() -> None:
    status = WorkerStatus()
    status.observe({P0: 20}, {})
    status.observe({P0: 20}, {})
    assert status.stalled_s > 0
