"""Single records, by fastavro: for the rare ones, and for what columns cannot hold.

Records are plain dicts: times are integers, uuids texts.
"""

import io
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, cast

import fastavro
from fastavro.schema import SchemaParseException

from pipeline.codecs.flat_schema import plain
from pipeline.codecs.schemas import Schemas
from pipeline.codecs.unreadable import IncompatibleSchema, NotFramed, Unreadable
from pipeline.codecs.wire import PREFIX_BYTES, prefix, schema_id_of
from pipeline.domain.errors import OurMistake

_NO_RECORD: Final = (ValueError, TypeError, LookupError, ArithmeticError, MemoryError, EOFError)
"""What fastavro raises on bytes that are no record."""


class RecordReader:
    """Reads framed values of one writer, as the writer's schema or as a reader's."""

    def __init__(self, writer: Mapping[str, Any], reader: Mapping[str, Any] | None = None) -> None:
        try:
            self._writer = fastavro.parse_schema(plain(writer))
            # A record keeps its writer's name: only its fields are matched.
            name = {key: writer[key] for key in ("name", "namespace") if key in writer}
            ours = None if reader is None else {**plain(reader), **name}
            self._reader = None if ours is None else fastavro.parse_schema(ours)
        except SchemaParseException:
            raise IncompatibleSchema("the writer's schema is no Avro schema") from None
        fields = [] if ours is None else ours["fields"]
        self._bytes = [field["name"] for field in fields if field["type"] == "bytes"]

    def read(self, value: bytes) -> dict[str, Any]:
        """Return the record; raise Unreadable if the value is not one whole record."""
        body = io.BytesIO(value)
        body.seek(PREFIX_BYTES)
        try:
            record = fastavro.schemaless_reader(body, self._writer, self._reader)
        except EOFError:
            raise Unreadable("the body ends before the record does") from None
        except UnicodeDecodeError:
            raise Unreadable("a text is not UTF-8") from None
        except fastavro.read.SchemaResolutionError:
            raise Unreadable("the record cannot be read as ours") from None
        except _NO_RECORD:
            raise Unreadable("the body does not fit the writer's schema") from None
        if body.tell() != len(value):
            raise Unreadable("bytes are left after the record")
        found = cast(dict[str, Any], record)
        for name in self._bytes:
            # A default of bytes is text in JSON, a code point for each; fastavro leaves it so.
            if isinstance(found[name], str):
                found[name] = found[name].encode("latin-1")
        return found


class RecordWriter:
    """Writes records of one schema as framed values."""

    def __init__(self, schema: Mapping[str, Any], schema_id: int) -> None:
        self._schema = cast(dict[str, Any], fastavro.parse_schema(plain(schema)))
        self._prefix = prefix(schema_id)

    def write(self, record: Mapping[str, Any]) -> bytes:
        """Return the framed value; raise OurMistake if the record does not fit the schema."""
        body = io.BytesIO()
        body.write(self._prefix)
        try:
            fastavro.schemaless_writer(body, self._schema, record, strict=True)
        except _NO_RECORD:
            raise OurMistake(self._misfit(record)) from None
        return body.getvalue()

    def _misfit(self, record: Mapping[str, Any]) -> str:
        """Say what does not fit, without quoting it."""
        valid = partial(fastavro.validate, raise_errors=False)
        fields = {field["name"]: field["type"] for field in self._schema["fields"]}
        wrong = [name for name, kind in fields.items() if not valid(record.get(name), kind)]
        wrong += sorted(record.keys() - fields.keys())
        return f"a record does not fit schema {self._schema['name']}: {', '.join(wrong)}"


def encode_one(schema: Mapping[str, Any], schema_id: int, record: Mapping[str, Any]) -> bytes:
    """Return one framed value; raise OurMistake if the record does not fit the schema.

    About 150 µs, nearly all for the schema: keep a RecordWriter where there are many.
    """
    return RecordWriter(schema, schema_id).write(record)


def decode_one(schemas: Schemas, value: bytes, schema: str | None = None) -> dict[str, Any]:
    """Return the record of one framed value: as our version of ``schema``, or as written.

    Raises Unreadable if it is none, UnknownSchema if nobody knows its schema.
    """
    schema_id = schema_id_of(value)
    if schema_id is None:
        raise NotFramed
    reader = None if schema is None else schemas.named(schema)
    return RecordReader(schemas.by_id(schema_id), reader).read(value)
