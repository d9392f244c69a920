"""The example record of every schema."""

import json
from typing import Any

from pipeline.codecs.flat_schema import flat_fields
from tests.support.avro_values import SCHEMAS_DIR, schema_named

EXAMPLES = SCHEMAS_DIR / "examples"


def example(name: str) -> dict[str, Any]:
    """Return an example as a record: bytes stand as latin-1 text in JSON."""
    record: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text())
    for field in flat_fields(schema_named(name)):
        if field.kind == "bytes" and record[field.name] is not None:
            record[field.name] = record[field.name].encode("latin-1")
    return record
