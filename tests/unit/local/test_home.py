import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.local.errors import LocalStackError
from pipeline.local.home import Home
from pipeline.local.process_mark import ProcessMark

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(SLEEP)
    yield process
    process.kill()
    process.wait()


def test_two_owners_cannot_share_a_directory(tmp_path: Path) -> None:
    first, second = Home(tmp_path), Home(tmp_path)
    first.claim()
    first.remember({"main": 1}, ProcessMark.of(os.getpid()))
    with pytest.raises(LocalStackError, match=f"in use by process {os.getpid()}"):
        second.claim()
    first.release()
    second.claim()
    second.release()


def test_ports_outlive_a_release_and_marks_do_not(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.claim()
    home.remember({"main": 4711}, ProcessMark.of(os.getpid()))
    assert home.left_behind() == ProcessMark.of(os.getpid())
    home.release()
    assert Home(tmp_path).ports() == {"main": 4711}
    assert Home(tmp_path).left_behind() is None


@pytest.mark.parametrize("state", ["", "{", "[]", '{"server": 3, "owner": {"pid": "x"}}'])
def test_a_damaged_state_is_no_state(tmp_path: Path, state: str) -> None:
    (tmp_path / "state.json").write_text(state)
    home = Home(tmp_path)
    assert (home.ports(), home.left_behind()) == ({}, None)


def test_a_process_is_found_by_its_mark(sleeper: subprocess.Popen[bytes]) -> None:
    mark = ProcessMark.of(sleeper.pid, SLEEP)
    assert ProcessMark.from_json(mark.to_json()) == mark
    found = mark.find()
    assert found is not None
    assert found.pid == sleeper.pid


def test_another_process_with_the_same_number_is_not_taken_for_it(
    sleeper: subprocess.Popen[bytes],
) -> None:
    mark = ProcessMark.of(sleeper.pid, SLEEP)
    for other in (
        mark._replace(created_s=mark.created_s - 60),
        mark._replace(arguments=("java", "kafka.Kafka")),
    ):
        assert other.find() is None
        assert other.end(within_s=1)
    assert sleeper.poll() is None


def test_a_marked_process_is_ended(sleeper: subprocess.Popen[bytes]) -> None:
    mark = ProcessMark.of(sleeper.pid, SLEEP)
    assert mark.end(within_s=10)
    assert mark.find() is None
