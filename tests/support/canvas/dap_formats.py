"""Rows of a DAP table in the formats that DAP exports."""

import csv
import gzip
import io
import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyarrow import parquet

Document = dict[str, Any]

_ESCAPES = {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPES |= {"\v": "\\v"}


def exported(documents: Sequence[Document], kind: str, *, packed: bool = True) -> bytes:
    """Return the content of one object; Parquet is never packed."""
    if kind == "parquet":
        return _parquet(documents)
    data = {"jsonl": _jsonl, "csv": _csv, "tsv": _tsv}[kind](documents).encode()
    return gzip.compress(data, 1) if packed else data


def columns(documents: Sequence[Document]) -> list[str]:
    """Return the dotted names of all columns."""
    found = dict.fromkeys(("meta.ts", "meta.action", "key.id"))
    for document in documents:
        for section, fields in document.items():
            found |= dict.fromkeys(f"{section}.{name}" for name in fields)
    return list(found)


def field(document: Document, name: str) -> Any:
    """Return a column of a document; None if it is not there."""
    section, _, column = name.partition(".")
    return (document.get(section) or {}).get(column)


def _jsonl(documents: Sequence[Document]) -> str:
    return "".join(json.dumps(document) + "\n" for document in documents)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _csv(documents: Sequence[Document]) -> str:
    names = columns(documents)
    out = io.StringIO()
    out.write(",".join(names) + "\n")
    quoting = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for document in documents:
        for number, name in enumerate(names):
            value = field(document, name)
            out.write("," if number else "")
            if isinstance(value, str) and (value in ("", "NULL") or not value.isalnum()):
                # The writer ends with a line end that a field does not have.
                quoting.writerow([value])
                out.seek(out.tell() - 1)
            else:
                out.write("" if value is None else _text(value))
        out.write("\n")
    out.truncate()
    return out.getvalue()


def _tsv(documents: Sequence[Document]) -> str:
    names = columns(documents)
    lines = ["\t".join(names)]
    for document in documents:
        values = [field(document, name) for name in names]
        lines.append("\t".join("\\N" if value is None else _escaped(value) for value in values))
    return "\n".join(lines) + "\n"


def _escaped(value: Any) -> str:
    return "".join(_ESCAPES.get(letter, letter) for letter in _text(value))


def _parquet(documents: Sequence[Document]) -> bytes:
    names = columns(documents)
    table = pa.table({name: [field(document, name) for document in documents] for name in names})
    out = io.BytesIO()
    parquet.write_table(table, out)
    return out.getvalue()
