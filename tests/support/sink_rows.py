"""Rows of any schema, complete and different from each other."""

from typing import Any

from tests.support.avro_schemas import raw_schemas

TIME = 1_770_076_800_000_000


def row(schema: str, number: int, **values: Any) -> dict[str, Any]:
    """Return a row whose fields follow from its number, except the given ones."""
    fields = raw_schemas()[schema]["fields"]
    made = {field["name"]: _value(field["type"], number) for field in fields}
    unknown = values.keys() - made.keys()
    assert not unknown, unknown
    return made | values


def _value(kind: Any, number: int) -> Any:
    if isinstance(kind, list):
        return None if number % 3 == 0 else _value(kind[1], number)
    if isinstance(kind, dict):
        if kind["type"] == "array":
            return [_value(kind["items"], number + step) for step in range(number % 3)]
        if kind.get("logicalType") == "uuid":
            return f"00000000-0000-4000-8000-{number:012d}"
        if kind.get("logicalType") == "timestamp-micros":
            return TIME + number
        return _value(kind["type"], number)
    return {
        "long": number + 7,
        "int": number,
        "string": f"text {number}; it's \\n\n",
        "boolean": number % 2 == 0,
        "double": number / 2,
        "bytes": b"\x00\xff\n;'" * number,
    }[kind]
