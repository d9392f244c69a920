import hashlib
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.local.errors import LocalStackError
from pipeline.local.jar_lock import KAFKA_LOCK, LockedJar, read_lock, write_lock
from pipeline.local.jars import PROGRAMS, fetch_jars

COORDINATES = ("org.a:one:1.0", "org.b:two:2.1", "org.c:three:3")


class Repository:
    """Serves jars from memory and counts what was asked."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents = contents
        self.asked: list[str] = []

    def __call__(self, coordinate: str, into: Path) -> Path:
        self.asked.append(coordinate)
        if coordinate not in self.contents:
            raise RuntimeError("nowhere")
        file = into / coordinate.replace(":", "_")
        file.write_bytes(self.contents[coordinate])
        return file


@pytest.fixture
def repository() -> Repository:
    return Repository({coordinate: coordinate.encode() * 100 for coordinate in COORDINATES})


@pytest.fixture
def fetch(tmp_path: Path, repository: Repository) -> Callable[[], list[Path]]:
    lock = tmp_path / "jars.lock"
    write_lock(
        (LockedJar.of(one, hashlib.sha256(one.encode() * 100).hexdigest()) for one in COORDINATES),
        lock,
    )
    return lambda: fetch_jars(lock, tmp_path / "cache", download=repository)


def test_fetched_jars_have_the_locked_bytes(fetch: Callable[[], list[Path]]) -> None:
    assert [jar.read_bytes() for jar in fetch()] == [one.encode() * 100 for one in COORDINATES]


def test_the_second_fetch_asks_nobody(
    fetch: Callable[[], list[Path]], repository: Repository
) -> None:
    first = fetch()
    repository.contents.clear()
    assert fetch() == first
    assert sorted(repository.asked) == sorted(COORDINATES)


def test_a_jar_with_other_bytes_is_refused(
    fetch: Callable[[], list[Path]], repository: Repository, tmp_path: Path
) -> None:
    repository.contents[COORDINATES[1]] += b"!"
    with pytest.raises(LocalStackError, match=r"org\.b:two:2\.1 has other bytes than locked"):
        fetch()
    assert not list((tmp_path / "cache").glob("two*"))


def test_a_jar_damaged_in_the_cache_is_fetched_again(
    fetch: Callable[[], list[Path]], repository: Repository
) -> None:
    damaged = fetch()[2]
    damaged.write_bytes(b"half")
    assert fetch()[2].read_bytes() == COORDINATES[2].encode() * 100
    assert repository.asked.count(COORDINATES[2]) == 2


def test_a_jar_that_is_nowhere_is_named(
    fetch: Callable[[], list[Path]], repository: Repository
) -> None:
    del repository.contents[COORDINATES[0]]
    with pytest.raises(LocalStackError, match=r"org\.a:one:1\.0 cannot be fetched: nowhere"):
        fetch()


def test_fetching_twice_at_once_fetches_once(
    fetch: Callable[[], list[Path]], repository: Repository
) -> None:
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda _: fetch(), range(4)))
    assert all(result == results[0] for result in results)
    assert len(repository.asked) == len(COORDINATES)


def test_nothing_but_jars_stays_in_the_cache(
    fetch: Callable[[], list[Path]], tmp_path: Path
) -> None:
    names = {jar.name for jar in fetch()}
    assert {file.name for file in (tmp_path / "cache").iterdir()} == names | {".lock"}


def test_progress_counts_to_the_total(tmp_path: Path, repository: Repository) -> None:
    lock = tmp_path / "jars.lock"
    jars = [
        LockedJar.of(one, hashlib.sha256(one.encode() * 100).hexdigest()) for one in COORDINATES
    ]
    write_lock(jars, lock)
    seen: list[tuple[int, int]] = []
    fetch_jars(lock, tmp_path / "cache", lambda *counts: seen.append(counts), repository)
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_damaged_lock_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "jars.lock"
    lock.write_text("org.a:one:1.0 sha256:short\n")
    with pytest.raises(LocalStackError, match="line 1"):
        read_lock(lock)


def test_the_lock_holds_the_programs_and_no_host() -> None:
    jars = read_lock()
    assert set(PROGRAMS) <= {jar.coordinate for jar in jars}
    assert len({jar.file_name for jar in jars}) == len(jars)
    assert {jar.version for jar in jars if jar.group == "org.apache.kafka"} == {"4.2.1"}
    assert not re.search(r"//|https?:|maven2|repo\.", KAFKA_LOCK.read_text())
