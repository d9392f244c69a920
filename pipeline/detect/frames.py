"""Anomalies and detector states as frames; columns are the fields of their Avro schemas."""

from collections.abc import Sequence
from typing import Any, Final

import polars as pl

TEXTS: Final = pl.List(pl.String)

ANOMALY: Final[dict[str, Any]] = {
    "fingerprint": pl.String,
    "episode": pl.String,
    "status": pl.String,
    "version": pl.Int64,
    "rule": pl.String,
    "detector": pl.String,
    "severity": pl.String,
    "title": pl.String,
    "explanation": pl.String,
    "action": pl.String,
    "dimension": pl.String,
    "key": pl.String,
    "feeds": TEXTS,
    "window_start": pl.Int64,
    "window_end": pl.Int64,
    "opened_at": pl.Int64,
    "updated_at": pl.Int64,
    "resolved_at": pl.Int64,
    "provisional": pl.Boolean,
    "observed": pl.Float64,
    "expected": pl.Float64,
    "threshold": pl.Float64,
    "probability": pl.Float64,
    "contributing_keys": TEXTS,
    "contributing_counts": pl.List(pl.Int64),
    "sample_request_ids": TEXTS,
    "sample_session_ids": TEXTS,
    "evidence_query": pl.String,
    "caveat": pl.String,
    "rule_version": pl.String,
    "owner": pl.String,
    "severity_was": pl.String,
    "judged_minutes": pl.Int64,
    "baseline_days": pl.Float64,
    "contributing_permille": pl.List(pl.Int64),
    "suppressed": pl.Int64,
}

DETECTOR_STATE: Final[dict[str, Any]] = {
    "detector": pl.String,
    "key": pl.String,
    "state": pl.String,
    "version": pl.Int64,
    "updated_at": pl.Int64,
}


def anomalies_frame(records: Sequence[dict[str, Any]], version: int) -> pl.DataFrame:
    """Return anomaly records as a frame, all with one version."""
    rows = [record | {"version": version} for record in records]
    return pl.DataFrame(rows, schema=ANOMALY)


def states_frame(
    states: Sequence[tuple[str, str, str]], version: int, updated_at: int
) -> pl.DataFrame:
    """Return (detector, key, state) triples as a frame, all with one version and time."""
    rows = [(*state, version, updated_at) for state in states]
    return pl.DataFrame(rows, schema=DETECTOR_STATE, orient="row")
