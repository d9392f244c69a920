"""The deadman."""

from pipeline.kafka.status import WorkerStatus

P0 = ("numbers", 0)


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


def test_a_partition_without_a_position_is_waited_for() -> None:
    status = WorkerStatus()
    status.observe({P0: 20}, {})
    status.observe({P0: 20}, {})
    assert status.stalled_s > 0
