"""Whether two versions of a flat schema can read each other's records."""

from collections.abc import Mapping
from typing import Any

from pipeline.codecs.flat_schema import FlatField, NotFlat, flat_fields
from pipeline.codecs.resolution import unreadable_fields


def differences(released: Mapping[str, Any], present: Mapping[str, Any]) -> list[str]:
    """Say what keeps two versions of a schema from reading each other's records.

    Empty if they are compatible both ways: readers of today understand what is on the topics,
    and readers of yesterday what is written now. A rename is a field removed and one added.
    """
    names = [
        f"{schema.get('namespace', '')}.{schema.get('name')}" for schema in (released, present)
    ]
    problems = []
    if names[0] != names[1]:
        problems.append(f"the record was named {names[0]} and is named {names[1]}")
    try:
        before, after = flat_fields(released), flat_fields(present)
    except NotFlat as reason:
        return [*problems, str(reason)]
    problems += [
        f"the present schema cannot read released records: {problem}"
        for problem in _unreadable(before, after)
    ]
    problems += [
        f"the released schema cannot read present records: {problem}"
        for problem in _unreadable(after, before)
    ]
    return problems


def _unreadable(writer: tuple[FlatField, ...], reader: tuple[FlatField, ...]) -> list[str]:
    nullable = {field.name for field in writer if field.nullable}
    nulls = [
        f"field {field.name!r} may be null and is read as never null"
        for field in reader
        if field.name in nullable and not field.nullable
    ]
    return unreadable_fields(writer, reader) + nulls


def _name(schema: Mapping[str, Any]) -> str:
    return f"{schema.get('namespace', '')}.{schema.get('name')}"
