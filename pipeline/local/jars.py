"""Fetches Kafka's jars as locked, and makes the lock anew.

``python -m pipeline.local.jars`` fetches, ``--relock`` resolves again (maintainers only).
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pipeline.local.errors import LocalStackError
from pipeline.local.jar_lock import KAFKA_LOCK, LockedJar, read_lock, write_lock

PROGRAMS: Final = ("org.apache.kafka:kafka_2.13:4.2.1", "org.slf4j:slf4j-simple:1.7.36")
"""Each is resolved on its own. Kafka logs through slf4j 1.7 and is silent without a binding.

Not Kafka 4.3 or 4.4: stopped or killed, a broker that is alone leaves transactions open for ever
(docs/reliability.md).
"""

PARALLEL: Final = 8
"""Downloads at once: 46 jars of 45 MB are bound by round trips, not by bandwidth."""

Progress = Callable[[int, int], None]
Download = Callable[[str, Path], Path]


def default_cache_dir() -> Path:
    """``${XDG_CACHE_HOME:-~/.cache}/canvas-telemetry/jars``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "canvas-telemetry" / "jars"


def fetch_jars(
    lock: Path = KAFKA_LOCK,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
    download: Download | None = None,
) -> list[Path]:
    """Return the locked jars, in the lock's order, each with the bytes its hash promises.

    What the cache holds is checked and used without network; the rest is fetched in parallel,
    ``progress(done, total)`` after each. Two processes may call this at once: the second waits.
    Raises LocalStackError when a jar cannot be had or has other bytes than locked.
    """
    jars = read_lock(lock)
    cache = cache_dir or default_cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    if missing := _missing(jars, cache):
        with _locked(cache):
            missing = _missing(jars, cache)
            _fetch(missing, cache, progress or _silent, download or _download)
    return [cache / jar.file_name for jar in jars]


def relock(path: Path = KAFKA_LOCK) -> tuple[LockedJar, ...]:
    """Resolve the programs anew, hash what they need, write the lock; returns its jars."""
    coordinates = sorted({one for program in PROGRAMS for one in _resolve(program)})
    with TemporaryDirectory() as fresh, ThreadPoolExecutor(PARALLEL) as pool:
        files = pool.map(lambda coordinate: _download(coordinate, Path(fresh)), coordinates)
        jars = tuple(
            LockedJar.of(coordinate, _sha256(file))
            for coordinate, file in zip(coordinates, files, strict=True)
        )
    write_lock(jars, path)
    return jars


def _fetch(jars: Sequence[LockedJar], cache: Path, progress: Progress, download: Download) -> None:
    with TemporaryDirectory(dir=cache, prefix=".incoming-") as incoming:
        pool = ThreadPoolExecutor(PARALLEL)
        try:
            waiting = [
                pool.submit(_fetch_one, jar, cache, Path(incoming), download) for jar in jars
            ]
            for done, one in enumerate(as_completed(waiting), start=1):
                one.result()
                progress(done, len(jars))
        finally:
            pool.shutdown(cancel_futures=True)


def _fetch_one(jar: LockedJar, cache: Path, incoming: Path, download: Download) -> None:
    try:
        file = download(jar.coordinate, incoming)
    except (OSError, RuntimeError) as error:
        raise LocalStackError(f"The jar {jar.coordinate} cannot be fetched: {error}") from error
    if _sha256(file) != jar.sha256:
        raise LocalStackError(f"The jar {jar.coordinate} has other bytes than locked; refused.")
    ready = incoming / jar.file_name
    shutil.copyfile(file, ready)
    ready.replace(cache / jar.file_name)


def _missing(jars: Sequence[LockedJar], cache: Path) -> list[LockedJar]:
    return [jar for jar in jars if _sha256(cache / jar.file_name) != jar.sha256]


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download(coordinate: str, into: Path) -> Path:
    # jgo takes half a second to import; a warm start never needs it
    from pipeline.local.maven import download_jar  # noqa: PLC0415

    return download_jar(coordinate, into)


def _resolve(coordinate: str) -> list[str]:
    from pipeline.local.maven import resolve_runtime  # noqa: PLC0415  # as above

    return resolve_runtime(coordinate)


def _silent(_done: int, _total: int) -> None:
    return


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch the locked jars, or make the lock anew; prints where they lie."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.local.jars", description=__doc__)
    parser.add_argument("--relock", action="store_true", help="resolve again, write the lock")
    parser.add_argument("--cache-dir", type=Path, default=None, help="where the jars are kept")
    options = parser.parse_args(arguments)
    try:
        if options.relock:
            sys.stdout.write(f"{len(relock())} jars locked in {KAFKA_LOCK.name}\n")
        files = fetch_jars(cache_dir=options.cache_dir, progress=_print_progress)
    except LocalStackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{len(files)} jars of Kafka in {files[0].parent}\n")
    return 0


def _print_progress(done: int, total: int) -> None:
    if done == total or done % 10 == 0:
        sys.stdout.write(f"fetched {done} of {total} jars of Kafka\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
