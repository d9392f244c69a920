"""Reads and writes the list of Kafka's jars: Maven coordinates and SHA-256, nothing else."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Self

from pipeline.local.errors import LocalStackError

KAFKA_LOCK = Path(__file__).with_name("kafka-jars.lock")

_LINE = re.compile(r"([\w.\-]+):([\w.\-]+):([\w.\-]+) sha256:([0-9a-f]{64})")
_HEADER = """\
# Jars of the local Kafka broker: group:artifact:version and the SHA-256 of the jar.
# Made by `python -m pipeline.local.jars --relock`; do not edit by hand.
"""


class LockedJar(NamedTuple):
    """One jar: Maven coordinate and the hash its bytes must have."""

    group: str
    artifact: str
    version: str
    sha256: str

    @classmethod
    def of(cls, coordinate: str, sha256: str) -> Self:
        """Lock a ``group:artifact:version``."""
        group, artifact, version = coordinate.split(":")
        return cls(group, artifact, version, sha256)

    @property
    def coordinate(self) -> str:
        """``group:artifact:version``."""
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def file_name(self) -> str:
        """Name in the cache; carries the hash, so versions of the lock share one cache."""
        return f"{self.artifact}-{self.version}-{self.sha256[:12]}.jar"


def read_lock(path: Path = KAFKA_LOCK) -> tuple[LockedJar, ...]:
    """Return the jars of a lock file in its order; raises LocalStackError for any other line."""
    jars = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise LocalStackError(f"{path.name} line {number} is no locked jar.")
        jars.append(LockedJar(*match.groups()))
    return tuple(jars)


def write_lock(jars: Iterable[LockedJar], path: Path = KAFKA_LOCK) -> None:
    """Write the jars, sorted by coordinate."""
    lines = (f"{jar.coordinate} sha256:{jar.sha256}\n" for jar in sorted(jars))
    path.write_text(_HEADER + "".join(lines), encoding="utf-8")
