"""The project's own schemas, as a process has them."""

import json
from pathlib import Path
from typing import Any

from pipeline.codecs.schemas import Schemas

DIRECTORY = Path(__file__).parents[2] / "schemas" / "avro"


def raw_schemas() -> dict[str, dict[str, Any]]:
    """Return every schema by its name, the file's."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(DIRECTORY.glob("*.avsc"))}


def project_schemas() -> Schemas:
    """Return them with ids 1, 2, …; nobody knows any other id."""
    schemas = raw_schemas()
    return Schemas(schemas, {name: at for at, name in enumerate(schemas, 1)}, lambda _id: None)
