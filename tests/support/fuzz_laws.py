"""What holds for every byte sequence that a source may send: no crash, and no row gets lost.

A row is published or dead, and what says so can be written to its topic.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from pipeline.codecs.column_encoder import ColumnEncoder
from pipeline.codecs.dead_letters import dead_letters
from pipeline.codecs.erasures import request_erasures
from pipeline.codecs.live_event_rows import RawEvent, live_event_key, read_live_events
from pipeline.codecs.web_log_rows import Origin, read_web_logs, web_log_key, with_agent_columns
from pipeline.domain.bad_record import BadRecord
from pipeline.domain.feeds import LIVE_EVENTS, WEB_LOGS, Feed
from tests.support.avro_schemas import raw_schemas

NOW: Final = 1_900_000_000_000_000
_ENCODERS: Final = {
    name: ColumnEncoder(raw_schemas()[name], 1)
    for name in ("live_event", "web_log", "dead_letter", "erasure")
}


def check_live_events(payloads: Sequence[bytes]) -> None:
    """Read Live Events of any format; raise AssertionError if one is lost."""
    raws = [RawEvent(payload, f"fuzz:{at}", "x") for at, payload in enumerate(payloads)]
    rows, bad = read_live_events(raws, NOW)
    read = rows.height + len(bad)
    assert read == sum(map(events_in, payloads))
    positions = [at for at, _ in bad]
    assert positions == sorted(set(positions))
    assert all(0 <= at < read for at in positions)
    complete = rows.with_columns(ingested_at=pl.lit(NOW, pl.Int64), source=pl.lit("fuzz"))
    _writable("live_event", complete, rows.select(live_event_key()).to_series())
    _dead(LIVE_EVENTS, [record for _, record in bad])


def check_web_logs(lines: Sequence[bytes]) -> None:
    """Read lines of an export; raise AssertionError if one is lost."""
    logs = read_web_logs(lines, 1, Origin("fuzz", NOW))
    read = sum(1 for line in lines if line.strip())
    assert logs.read == read == logs.rows.height + logs.deletes.height + len(logs.bad)
    complete = with_agent_columns(logs.rows, "fuzz", 1, NOW)
    _writable("web_log", complete, logs.rows.select(web_log_key()).to_series())
    erasures = request_erasures(logs.deletes, source="fuzz", ingested_at=NOW)
    _writable("erasure", erasures, erasures["subject"])
    _dead(WEB_LOGS, [record for _, record in logs.bad])


def events_in(payload: bytes) -> int:
    """Return how many events a payload holds: what nobody can read counts as one."""
    try:
        document = json.loads(payload.decode())
    except (ValueError, RecursionError):
        return 1
    if not isinstance(document, list):
        return _events_of(document)
    # What is nested too deeply is one bad record, whatever it would have held.
    rows, bad = read_live_events([RawEvent(payload, "whole")], NOW)
    if rows.is_empty() and len(bad) == 1 and bad[0][1].location == "whole":
        return 1
    return sum(map(_events_of, document))


def _events_of(document: Any) -> int:
    if isinstance(document, dict) and isinstance(document.get("data"), list):
        return _envelope(document)
    return 1


def _envelope(document: dict[str, Any]) -> int:
    rows, bad = read_live_events([RawEvent(json.dumps(document).encode(), "whole")], NOW)
    unread = rows.is_empty() and len(bad) == 1 and bad[0][1].reason == "json"
    return 1 if unread else len(document["data"])


def _writable(schema: str, frame: pl.DataFrame, keys: pl.Series) -> None:
    if frame.height:
        assert len(_ENCODERS[schema].encode(frame)) == frame.height
        assert keys.null_count() == 0


def _dead(feed: Feed, bad: Sequence[BadRecord]) -> None:
    letters = dead_letters(bad, source="fuzz", feed=feed, happened_at=NOW)
    assert letters.height == len(bad)
    _writable("dead_letter", letters, letters["source"])
