"""Ids of schemas where no registry server gives them."""

import hashlib
from collections.abc import Mapping
from typing import Any

from fastavro.schema import to_parsing_canonical_form


def schema_id(schema: Mapping[str, Any]) -> int:
    """Return 31 bits of the SHA-256 of the schema's parsing canonical form.

    The canonical form leaves out docs, defaults and logical types, so two schemas with one id
    have the same bytes. https://avro.apache.org/docs/1.12.0/specification/#parsing-canonical-form-for-schemas
    """
    canonical: str = to_parsing_canonical_form(dict(schema))
    return int.from_bytes(hashlib.sha256(canonical.encode()).digest()[:4], "big") & 0x7FFFFFFF
