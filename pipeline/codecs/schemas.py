"""The schemas a process knows: ours by name, writers' by id."""

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.codecs.flat_schema import FlatField, flat_fields
from pipeline.codecs.resolution import Resolution, resolve
from pipeline.codecs.unreadable import UnknownSchema
from pipeline.domain.errors import OurMistake

Schema = dict[str, Any]


class Schemas:
    """Our version of every record's schema, and a cache of writers' schemas.

    ``lookup`` asks the registry for a writer's schema; it returns None if nobody knows the id
    and raises Unavailable if the registry does not answer. What it found is kept for ever, for
    an id never changes its meaning; what it did not find is asked for again.
    """

    def __init__(
        self,
        schemas: Mapping[str, Schema],
        ids: Mapping[str, int],
        lookup: Callable[[int], Schema | None],
    ) -> None:
        self._schemas = dict(schemas)
        self._ids = dict(ids)
        self._lookup = lookup
        self._by_id = {ids[name]: schema for name, schema in schemas.items() if name in ids}
        self._fields: dict[str, dict[str, FlatField]] = {}
        self._resolutions: dict[tuple[int, str], Resolution] = {}

    def named(self, name: str) -> Schema:
        """Return our version of a record's schema, the reader's."""
        try:
            return self._schemas[name]
        except KeyError:
            raise OurMistake(f"there is no schema named {name!r}") from None

    def fields(self, name: str) -> Mapping[str, FlatField]:
        """Return the fields of our version of a record by name."""
        fields = self._fields.get(name)
        if fields is None:
            fields = {field.name: field for field in flat_fields(self.named(name))}
            self._fields[name] = fields
        return fields

    def id_of(self, name: str) -> int:
        """Return the id under which we write a record."""
        try:
            return self._ids[name]
        except KeyError:
            raise OurMistake(f"schema {name!r} has no id: it is not registered") from None

    def by_id(self, schema_id: int) -> Schema:
        """Return a writer's schema; raise UnknownSchema if nobody knows the id."""
        schema = self._by_id.get(schema_id)
        if schema is None:
            schema = self._lookup(schema_id)
            if schema is None:
                raise UnknownSchema(schema_id)
            self._by_id[schema_id] = schema
        return schema

    def resolution(self, schema_id: int, name: str) -> Resolution:
        """Return how records of a writer are read as ours.

        Raises UnknownSchema, or IncompatibleSchema if ours cannot read the writer's.
        """
        key = (schema_id, name)
        resolution = self._resolutions.get(key)
        if resolution is None:
            resolution = resolve(self.by_id(schema_id), name, self.named(name))
            self._resolutions[key] = resolution
        return resolution
