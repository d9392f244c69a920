"""How a writer's records are read as ours: Avro's schema resolution for flat records.

https://avro.apache.org/docs/1.12.0/specification/#schema-resolution
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pipeline.codecs.flat_schema import FlatField, Kind, NotFlat, flat_fields
from pipeline.codecs.unreadable import IncompatibleSchema
from pipeline.codecs.value_program import Program, compile_program

PROMOTIONS: Final[Mapping[Kind, tuple[Kind, ...]]] = {
    "int": ("int", "long", "float", "double"),
    "long": ("long", "float", "double"),
    "float": ("float", "double"),
    "double": ("double",),
    "string": ("string", "bytes"),
    "bytes": ("bytes", "string"),
    "boolean": ("boolean",),
}
"""Writer's kind → reader's kinds that can take it."""


class Resolution(NamedTuple):
    """A writer's fields, and how to read its values.

    ``fields``, in the writer's order, is None when its schema is not flat: fastavro can read it,
    record by record. ``programs`` keeps what was compiled, by the names of the columns.
    """

    writer: Mapping[str, Any]
    fields: Mapping[str, FlatField] | None
    programs: dict[tuple[str, ...], Program]

    def program(self, wanted: Mapping[str, FlatField]) -> Program:
        """Return how those of our fields that the writer has are read from its values."""
        names = tuple(wanted)
        program = self.programs.get(names)
        if program is None:
            program = compile_program(self.fields or {}, tuple(wanted.values()))
            self.programs[names] = program
        return program


def resolve(writer: Mapping[str, Any], name: str, reader: Mapping[str, Any]) -> Resolution:
    """Match a writer's schema with ours; raise IncompatibleSchema if ours cannot read it."""
    wanted = flat_fields(reader)
    try:
        written = flat_fields(writer)
    except NotFlat:
        return Resolution(writer, None, {})
    for problem in unreadable_fields(written, wanted):
        raise IncompatibleSchema(f"the writer's schema does not fit {name}: {problem}")
    return Resolution(writer, {field.name: field for field in written}, {})


def unreadable_fields(writer: tuple[FlatField, ...], reader: tuple[FlatField, ...]) -> list[str]:
    """Say of each field of the reader that cannot be had from the writer's records why.

    A nullable field read as one that is not is no problem here: single nulls are.
    """
    written = {field.name: field for field in writer}
    problems = []
    for field in reader:
        source = written.get(field.name)
        if source is None:
            if not field.has_default:
                problems.append(f"field {field.name!r} is missing and has no default")
        elif source.array != field.array or field.kind not in PROMOTIONS[source.kind]:
            problems.append(
                f"field {field.name!r} is {_spoken(source)} and is read as {_spoken(field)}"
            )
    return problems


def _spoken(field: FlatField) -> str:
    return f"array of {field.kind}" if field.array else field.kind
