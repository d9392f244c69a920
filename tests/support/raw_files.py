"""Files of raw rows and events on disk."""

import gzip
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.raw_rows import line, row

START = datetime(2026, 2, 15, tzinfo=UTC)
NOW = int(datetime(2026, 2, 16, tzinfo=UTC).timestamp()) * 1_000_000


def micros(minute: float) -> int:
    """Return the instant so many minutes after START."""
    return int((START + timedelta(minutes=minute)).timestamp() * 1_000_000)


def row_at(minute: float, **value: Any) -> dict[str, Any]:
    """Return a web_logs row with an id of its own."""
    when = (START + timedelta(minutes=minute)).isoformat(timespec="milliseconds")
    return row(str(uuid.uuid4()), timestamp=when, session_id=str(uuid.uuid4()), **value)


def delete() -> dict[str, Any]:
    """Return a delete of some row."""
    meta = {"action": "D", "ts": "2026-02-15T08:04:11.312Z"}
    return {"meta": meta, "key": {"id": str(uuid.uuid4())}}


def event_at(minute: float, **metadata: Any) -> dict[str, Any]:
    """Return a Live Event in the Canvas format, unlike every other."""
    when = (START + timedelta(minutes=minute)).isoformat(timespec="milliseconds")
    known = {"event_name": "asset_accessed", "event_time": when, "request_id": str(uuid.uuid4())}
    return {"metadata": {**known, "session_id": uuid.uuid4().hex, **metadata}, "body": {}}


def write_lines(path: Path, documents: Sequence[Any]) -> Path:
    """Write one document per line, packed if the name says so; bytes as they are."""
    lines = [item if isinstance(item, bytes) else line(item) for item in documents]
    data = b"\n".join(lines) + (b"\n" if lines else b"")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_array(path: Path, documents: Sequence[Any]) -> Path:
    """Write one pretty array."""
    path.write_text(json.dumps(documents, indent=2))
    return path
