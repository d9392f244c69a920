"""Two servers, one owner: up together, down together, found again after a crash."""

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipeline.local.clickhouse_server import ClickHouseServer
from pipeline.local.errors import LocalStackError
from pipeline.local.kafka_probe import broker_answers
from pipeline.local.ports import LOOPBACK, free_port
from pipeline.local.stack import LocalStack
from tests.support.clickhouse_http import ask
from tests.support.owner_process import OwnerProcess
from tests.support.stack import EmbeddedStack
from tests.support.waiting import LIMIT_S

pytestmark = pytest.mark.stack


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[OwnerProcess]:
    with OwnerProcess(tmp_path) as owner:
        owner.wait_up()
        yield owner


@pytest.fixture(scope="module")
def lasting_owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnerProcess]:
    """One that no test ends."""
    with OwnerProcess(tmp_path_factory.mktemp("lasting")) as owner:
        owner.wait_up()
        yield owner


def wait_gone(pids: list[int]) -> None:
    processes = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            processes.append(psutil.Process(pid))
    gone, alive = psutil.wait_procs(processes, LIMIT_S)
    assert not alive, gone


def answers(stack: LocalStack) -> bool:
    return (
        broker_answers(stack.kafka.host, stack.kafka.port)
        and ask(EmbeddedStack(stack).clickhouse_address, "SELECT 1").text == "1\n"
    )


def test_the_addresses_it_says_are_the_ones_that_answer(lasting_owner: OwnerProcess) -> None:
    addresses = [line.split()[1] for line in lasting_owner.lines[-3:]]
    host, port = addresses[0].split(":")
    assert broker_answers(host, int(port))
    assert addresses[1].startswith("http://127.0.0.1:")
    assert addresses[2] == str(lasting_owner.data_dir)


def test_a_second_owner_is_refused_and_the_first_goes_on(lasting_owner: OwnerProcess) -> None:
    with pytest.raises(LocalStackError, match=f"in use by process {lasting_owner.process.pid}"):
        LocalStack(lasting_owner.data_dir).start()
    assert lasting_owner.process.poll() is None
    assert all(psutil.pid_exists(pid) for pid in lasting_owner.server_pids())


@pytest.mark.parametrize("how", ["SIGTERM", "Ctrl-C"])
def test_a_signal_stops_both_in_order(owner: OwnerProcess, how: str) -> None:
    """Ctrl-C reaches the whole process group; the servers are not in it."""
    pids = owner.server_pids()
    if how == "SIGTERM":
        owner.process.terminate()
    else:
        owner.interrupt_group()
    assert owner.finish() == 0
    assert owner.lines[-1] == "Stopping."
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_an_owner_says_when_a_server_ends_by_itself(owner: OwnerProcess) -> None:
    kafka, clickhouse = owner.server_pids()
    os.kill(clickhouse, signal.SIGKILL)
    assert owner.finish() == 3
    assert "ClickHouse failed: it ended with -9" in owner.lines[-1]
    wait_gone([kafka])


def test_after_a_killed_owner_the_next_start_works_on_the_same_ports(owner: OwnerProcess) -> None:
    """On Linux the kernel ends the servers with their owner, elsewhere the next start does."""
    addresses, pids = owner.lines[-3:], owner.server_pids()
    owner.kill()
    if psutil.LINUX:
        wait_gone(pids)
    with OwnerProcess(owner.data_dir) as successor:
        successor.wait_up()
        assert successor.lines[-3:] == addresses
        assert len([line for line in successor.lines[:-3] if "run" in line]) == 2
        assert not set(pids) & set(successor.server_pids())
        wait_gone(pids)


def test_only_its_own_orphan_is_ended(tmp_path: Path) -> None:
    """A server that its owner lost is ended by the next start; one beside it is not."""
    beside = ClickHouseServer(tmp_path / "beside")
    lost = ClickHouseServer(tmp_path / "mine")
    with beside:
        lost.start()
        orphan, port = lost.pid, lost.port
        assert orphan is not None
        lost._home._lock.close()  # type: ignore[union-attr]  # as the kernel does for a dead owner
        said: list[str] = []
        with ClickHouseServer(tmp_path / "mine", say=said.append) as successor:
            assert said == [f"ClickHouse: a killed run left pid {orphan} behind; ending it."]
            assert successor.port == port
            assert not lost.running
            assert beside.running


def test_two_stacks_run_side_by_side_and_each_restarts_alone(tmp_path: Path) -> None:
    with LocalStack(tmp_path / "a") as first, LocalStack(tmp_path / "b") as second:
        ports = {one.kafka.port for one in (first, second)}
        ports |= {one.clickhouse.port for one in (first, second)}
        assert len(ports) == 4
        first.kafka.stop()
        first.clickhouse.kill()
        assert answers(second)
        first.clickhouse.start()
        first.kafka.start()
        assert answers(first)
        assert ports == {
            *(first.kafka.port, first.clickhouse.port),
            *(second.kafka.port, second.clickhouse.port),
        }


def test_a_taken_port_is_refused_if_asked_for_and_replaced_if_only_remembered(
    tmp_path: Path,
) -> None:
    port = free_port()
    with ClickHouseServer(tmp_path, port) as server:
        assert server.port == port
    with socket.create_server((LOOPBACK, port)):
        with pytest.raises(LocalStackError, match=f"cannot have port {port}: .* listens there"):
            ClickHouseServer(tmp_path, port).start()
        said: list[str] = []
        with ClickHouseServer(tmp_path, say=said.append) as server:
            assert server.port != port
        assert said == [f"ClickHouse: port {port} is taken now; choosing another."]


def test_a_server_that_was_not_started_cannot_be_checked_but_stopped(tmp_path: Path) -> None:
    server = ClickHouseServer(tmp_path)
    server.stop()
    with pytest.raises(LocalStackError, match="was not started"):
        server.check()
