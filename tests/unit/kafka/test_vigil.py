"""A worker that cannot go on ends and says why; one that can goes on."""

import asyncio
import time
from collections.abc import Mapping

import pytest
from structlog.testing import capture_logs

from pipeline.domain.errors import Unavailable
from pipeline.domain.exit_codes import ExitCode, exit_code
from pipeline.kafka.fetched import Reach
from pipeline.kafka.status import Partition, WorkerStatus
from pipeline.kafka.vigil import Stuck, Vigil, WorkerLimits
from tests.support.waiting import until

P0 = ("numbers", 0)
P1 = ("numbers", 1)


class Group:
    """A membership of a test: its ends, whether there is something to fetch, whether it answers."""

    def __init__(self) -> None:
        self.waiting = False
        self.away = False
        self.asked = 0
        self.reach = {P0: Reach(20, 20, 20), P1: Reach(20, 20, 20)}

    async def refresh(self) -> Mapping[Partition, Reach]:
        self.asked += 1
        if self.away:
            raise Unavailable("The brokers are away.")
        return self.reach


class Handler:
    """Positions of a test."""

    def __init__(self) -> None:
        self.at: dict[Partition, int] = {P0: 20, P1: 20}

    def positions(self) -> Mapping[Partition, int]:
        return self.at


def vigil(limits: WorkerLimits, *, assigned: bool = True) -> Vigil:
    status = WorkerStatus()
    status.assigned = frozenset({P0, P1}) if assigned else None
    return Vigil("counting", limits, status)


async def kept(watch: Vigil, group: Group, handler: Handler) -> None:
    async with asyncio.timeout(60):
        await watch.keep(group, handler)


async def test_brokers_that_stay_away_end_it() -> None:
    group = Group()
    group.away = True
    with pytest.raises(Unavailable, match="are away"):
        await kept(vigil(WorkerLimits(look_s=0.0, broker_s=0.01)), group, Handler())
    assert group.asked > 1


async def test_a_group_that_gives_no_assignment_ends_it() -> None:
    watch = vigil(WorkerLimits(look_s=0.0, join_s=0.01), assigned=False)
    with pytest.raises(Unavailable, match="no assignment"):
        await kept(watch, Group(), Handler())


async def test_records_that_never_come_end_it() -> None:
    group = Group()
    group.waiting = True
    with pytest.raises(Unavailable, match="delivers nothing"):
        await kept(vigil(WorkerLimits(look_s=0.0, starve_s=0.01)), group, Handler())


async def test_brokers_that_come_back_are_given_their_time_before_records_are_missed() -> None:
    class Returning(Group):
        """Away for longer than records may be missed; then there are some, for one look."""

        def __init__(self) -> None:
            super().__init__()
            self.answered = 0

        async def refresh(self) -> Mapping[Partition, Reach]:
            self.away = self.asked < 5
            if self.away:
                watch._fed -= 3600
            reach = await super().refresh()
            self.answered += 1
            self.waiting = self.answered == 1
            return reach

    group = Returning()
    watch = vigil(WorkerLimits(look_s=0.0, starve_s=60.0))
    task = asyncio.create_task(kept(watch, group, Handler()))
    await until(lambda: task.done() or group.answered > 5)
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])


async def test_a_handler_that_never_comes_back_ends_it_with_a_code_that_says_start_again() -> None:
    watch = vigil(WorkerLimits(look_s=0.0, add_s=0.01))
    with watch.adding(), pytest.raises(Stuck) as caught:
        await kept(watch, Group(), Handler())
    assert exit_code(caught.value) is ExitCode.FAILED


async def test_a_partition_without_progress_is_said_once_and_again_after_it_moved() -> None:
    group, handler = Group(), Handler()
    handler.at = {P0: 10, P1: 20}
    watch = vigil(WorkerLimits(look_s=0.0, stall_s=0.01, starve_s=60))
    with capture_logs() as lines:
        task = asyncio.create_task(kept(watch, group, handler))
        await until(lambda: len(lines) == 1)
        began, asked = time.monotonic(), group.asked
        await until(lambda: group.asked > asked + 5 and time.monotonic() > began + 0.05)
        assert len(lines) == 1
        handler.at = {P0: 11, P1: 20}
        await until(lambda: len(lines) == 2)
        task.cancel()
        await asyncio.wait([task])
    assert [line["partitions"] for line in lines] == [["numbers/0"], ["numbers/0"]]
    assert [line["behind"] for line in lines] == [10, 9]


async def test_a_partition_that_nobody_writes_to_is_not_said_to_stand_still() -> None:
    group, handler = Group(), Handler()
    handler.at = {P1: 20}
    watch = vigil(WorkerLimits(look_s=0.0, stall_s=0.01, starve_s=60))
    with capture_logs() as lines:
        task = asyncio.create_task(kept(watch, group, handler))
        began = time.monotonic()
        await until(lambda: group.asked > 5 and time.monotonic() > began + 0.05)
        assert lines == []
        group.reach = {P0: Reach(21, 21, 21), P1: Reach(20, 20, 24)}
        await until(lambda: sum(len(line["partitions"]) for line in lines) == 2)
        task.cancel()
        await asyncio.wait([task])
    said = {name for line in lines for name in line["partitions"]}
    assert said == {"numbers/0", "numbers/1"}
    assert sum(line["behind"] for line in lines) == 1
    assert sum(line["held_back"] for line in lines) == 4
