"""CloudEvents 1.0 in Kafka's binary mode: the attributes are headers, the value is the data.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md,
section 3.2. A consumer routes by the headers and need not read the Avro value.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

import polars as pl

Headers = tuple[tuple[str, bytes], ...]

SPEC_VERSION: Final = "1.0"
ANOMALY_TYPE: Final = "canvas.telemetry.anomaly.v1"
SITE: Final = "canvas-telemetry"
"""Name of an installation that has not been given one."""

CONTENT_TYPE: Final = "application/avro"
"""As Debezium names Avro in Confluent's framing; the schema id is in the value's first bytes."""

COLUMNS: Final = ("fingerprint", "episode", "version", "updated_at", "status", "severity", "rule")
"""Columns of an anomaly that its attributes are made from."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def anomaly_attributes(record: Mapping[str, Any], site: str = SITE) -> dict[str, str]:
    """Return the attributes of an anomaly record; times in microseconds.

    ``id`` is the same for a record however often it is delivered: what to drop repetitions by.
    ``source`` names the installation (``site``): two of them may have the same alert, and source
    and id together are unique (section 3.1.1 of the specification). ``subject`` is the
    fingerprint. ``status``, ``severity`` and ``rule`` are extensions.
    """
    return {
        "specversion": SPEC_VERSION,
        "id": f"{record['episode']}/{record['version']}",
        "source": f"/canvas-telemetry/{quote(site, safe='')}/detect",
        "type": ANOMALY_TYPE,
        "subject": str(record["fingerprint"]),
        "time": instant(record["updated_at"]),
        "status": str(record["status"]),
        "severity": str(record["severity"]),
        "rule": str(record["rule"]),
    }


def anomaly_headers(frame: pl.DataFrame, site: str = SITE) -> Sequence[Headers]:
    """Return the headers of each row of a frame of anomalies."""
    return [
        (
            *(
                (f"ce_{name}", said.encode())
                for name, said in anomaly_attributes(row, site).items()
            ),
            ("content-type", CONTENT_TYPE.encode()),
        )
        for row in frame.select(COLUMNS).iter_rows(named=True)
    ]


def instant(at: int) -> str:
    """Return microseconds as RFC 3339, UTC."""
    return (_EPOCH + timedelta(microseconds=at)).isoformat().replace("+00:00", "Z")
