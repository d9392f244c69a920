"""Canvas LMS telemetry: feeds → Kafka → sessions, request statistics, anomalies → ClickHouse."""

import hashlib
import os
import sys
from pathlib import Path


def _kernels() -> str:
    """Return a name for the compiled loops as they are written now."""
    room = Path(__file__).parent
    sources = sorted([*room.glob("*/*_kernels.py"), *room.glob("*/layout.py")])
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _keep_kernels() -> None:
    """Tell numba where compiled loops are kept.

    numba compiles a function once and remembers it by its own file; a change in another file that
    the function was compiled with would go unseen. So every state of the sources has its own
    place.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = str(cache / "canvas-telemetry" / f"kernels-{_kernels()}")
    place = os.environ.setdefault("NUMBA_CACHE_DIR", place)
    if "numba" in sys.modules:
        # It reads the environment when it is imported, which somebody did before us.
        sys.modules["numba"].config.CACHE_DIR = place


_keep_kernels()
