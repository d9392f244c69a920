"""A server's directory: its lock, its memory of the last start, its log."""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from pipeline.local.errors import LocalStackError
from pipeline.local.process_mark import ProcessMark


class Home:
    """The directory of one server; at most one owner at a time.

    ``state.json`` holds the ports of the last start and, while the server is up, the marks of the
    server and of its owner. An owner that was killed leaves its marks there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.log = self.path / "server.log"
        self._state = self.path / "state.json"
        self._lock: IO[str] | None = None

    def claim(self) -> None:
        """Become the owner; raises LocalStackError if a living process is it already."""
        if self._lock is not None:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        lock = (self.path / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            owner = ProcessMark.from_json(self._read().get("owner"))
            who = (
                f"process {owner.pid} ({' '.join(owner.arguments)})" if owner else "another process"
            )
            raise LocalStackError(f"{self.path} is in use by {who}.") from None
        self._lock = lock

    def release(self) -> None:
        """Give the directory up, with the note that nothing runs in it."""
        if self._lock is not None:
            self.remember(self.ports(), None)
            self._lock.close()
            self._lock = None

    def ports(self) -> dict[str, int]:
        """Return the ports of the last start, by name."""
        return {str(name): int(port) for name, port in self._read().get("ports", {}).items()}

    def left_behind(self) -> ProcessMark | None:
        """Return the mark of a server whose owner ended without stopping it."""
        return ProcessMark.from_json(self._read().get("server"))

    def remember(self, ports: Mapping[str, int], server: ProcessMark | None) -> None:
        """Note the ports, the server that runs now and this process as its owner."""
        owner = ProcessMark.of(os.getpid()).to_json() if server else None
        state = {
            "ports": dict(ports),
            "server": server.to_json() if server else None,
            "owner": owner,
        }
        draft = self._state.with_suffix(".tmp")
        draft.write_text(json.dumps(state, indent=1), encoding="utf-8")
        draft.replace(self._state)

    def new_log(self) -> None:
        """Begin an empty log; the previous start's is kept as ``server.log.1``."""
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        self.log.touch()

    def _read(self) -> dict[str, Any]:
        try:
            state = json.loads(self._state.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}
