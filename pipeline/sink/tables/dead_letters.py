"""What could not be understood, the sink's own bad records among it."""

import hashlib
from typing import Any, Final

from pipeline.codecs.broken_redaction import redact_bytes
from pipeline.domain import topics
from pipeline.domain.bad_record import BadRecord
from pipeline.domain.topics import Topic
from pipeline.sink.tables.table import Expiry, Table

DEAD_LETTERS: Final = Table(
    topic=topics.DEAD_LETTERS,
    name="dead_letters",
    expiry=Expiry("happened_at", "dead_letters"),
)

SOURCE: Final = "sink"


def dead_letter(topic: Topic, timestamp_ms: int, bad: BadRecord) -> dict[str, Any]:
    """Return the row of a record that the sink cannot read.

    Its time is the record's own (milliseconds since the epoch) and not the clock's, so that
    reading the record again gives the same row. Length and hash are the original's; secrets in the
    payload are masked.
    """
    return {
        "source": SOURCE,
        "feed": topic.name.split(".")[1],
        "location": bad.location,
        "reason": bad.reason,
        "detail": bad.detail,
        "error_class": bad.error_class,
        "payload": redact_bytes(bad.payload),
        "payload_length": len(bad.payload),
        "payload_sha256": hashlib.sha256(bad.payload).hexdigest(),
        "cut": False,
        "sealed": None,
        "happened_at": timestamp_ms * 1000,
    }
