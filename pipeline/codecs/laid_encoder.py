"""Records that lie in a few arrays → framed Avro values and keys, byte for byte as fastavro's.

What to write is worked out once for a schema and a layout; records only bring their addresses.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from pipeline.codecs import encode_kernels as kernels
from pipeline.codecs.arrow_bytes import Bytes, Int64s, buffer_of
from pipeline.codecs.encodable import UNIONS
from pipeline.codecs.flat_schema import FlatField, NotFlat, flat_fields
from pipeline.codecs.keys import SEPARATOR
from pipeline.codecs.row_program import run
from pipeline.codecs.wire import prefix
from pipeline.domain.errors import OurMistake
from pipeline.domain.laid_out import Field, Kind, Lane, Layout, Records

_SEPARATOR: Final = pa.py_buffer(SEPARATOR.encode())
_NOTHING: Final = np.zeros(0, np.uint8)

_VALUES: Final[Mapping[Kind, int]] = {
    "long": kernels.LONG,
    "boolean": kernels.FLAG,
    "hex": kernels.HEX,
    "text": kernels.LOGGED,
    "longs": kernels.LONG_LIST,
    "texts": kernels.LOGGED_LIST,
}
_KEYS: Final[Mapping[Kind, int]] = {
    "long": kernels.DIGITS,
    "hex": kernels.BARE_HEX,
    "text": kernels.BARE_LOGGED,
}
_FITS: Final[Mapping[tuple[str, bool], frozenset[Kind]]] = {
    ("int", False): frozenset({"long"}),
    ("long", False): frozenset({"long"}),
    ("boolean", False): frozenset({"boolean"}),
    ("string", False): frozenset({"text", "hex"}),
    ("long", True): frozenset({"longs"}),
    ("string", True): frozenset({"texts"}),
}
"""What a schema's field, or an array of such, may be laid out as."""


class _Program:
    """Lines of ``encode_kernels`` whose addresses are still places of arrays and lanes of them."""

    def __init__(self) -> None:
        self._fixed: list[list[int]] = []
        self._arrays: list[list[int]] = []
        self._lanes: list[list[int]] = []

    def add(self, kind: int, field: Field | None = None, **fixed: int) -> None:
        """Add a line; its fixed places are named as ``encode_kernels`` does."""
        line, arrays, lanes = ([0] * kernels.PLACES for _ in range(3))
        line[kernels.KIND] = kind
        arrays[:] = [-1] * kernels.PLACES
        for name, value in fixed.items():
            line[getattr(kernels, name)] = value
        if field is not None:
            line[kernels.WIDTH] = field.mask
            for place, lane in _places(field).items():
                arrays[place], lanes[place] = lane
            if field.absent is not None:
                line[kernels.ABSENT] = field.absent.number
        self._fixed.append(line)
        self._arrays.append(arrays)
        self._lanes.append(lanes)

    def done(self) -> tuple[Int64s, Int64s, Int64s]:
        """Return the fixed places, the arrays' places (-1: no address), bytes a row before it."""
        fixed, arrays, lanes = (
            np.array(each, np.int64).reshape(-1, kernels.PLACES)
            for each in (self._fixed, self._arrays, self._lanes)
        )
        return fixed, arrays, 8 * lanes


def _places(field: Field) -> dict[int, Lane]:
    """Return which place of a line is the address of which lane."""
    found = dict[int, Lane]()
    if field.kind in {"long", "boolean", "hex"}:
        found[kernels.DATA] = field.values
    if field.kind == "text":
        found[kernels.NUMBERS] = field.values
    if field.kind in {"longs", "texts"}:
        found[kernels.BOUNDS] = field.values
    if field.more is not None:
        found[_MORE[field.kind]] = field.more
    if field.log is not None:
        found[kernels.OFFSETS], found[kernels.DATA] = (Lane(array) for array in field.log)
    if field.absent is not None:
        found[kernels.PRESENCE] = field.absent.lane
    return found


_MORE: Final[Mapping[Kind, int]] = {
    "hex": kernels.OFFSETS,
    "longs": kernels.DATA,
    "texts": kernels.NUMBERS,
}


class LaidEncoder:
    """Encodes records of one schema and layout, and the keys that some of its fields make.

    Raises OurMistake if the layout does not have every field of the schema, as it is there.
    """

    def __init__(
        self, schema: Mapping[str, Any], schema_id: int, layout: Layout, key: Sequence[str]
    ) -> None:
        self._prefix = np.frombuffer(prefix(schema_id), np.uint8)
        values, keys = _Program(), _Program()
        for field in _fields(schema):
            laid = layout.get(field.name)
            if laid is None or not _fits(field, laid):
                raise OurMistake(f"{schema['name']}: field {field.name!r} is not laid out so")
            values.add(_kind(laid), laid, UNION=UNIONS[field.null_branch])
        for number, name in enumerate(key):
            if number:
                keys.add(kernels.CONSTANT, DATA=_SEPARATOR.address, WIDTH=_SEPARATOR.size)
            keys.add(_KEYS[layout[name].kind], layout[name])
        self._values, self._keys = values.done(), keys.done()

    def encode(self, records: Records) -> tuple[pa.BinaryArray, pa.BinaryArray]:
        """Return the key and the framed value of every record.

        Raises ValueError if 32 bits do not hold them.
        """
        # The last one is what places that are no address get; an array's own word for its address
        # costs fifty times as much as its buffer's.
        found = [buffer_of(each).address for each in records.arrays]
        addresses = np.array([*found, 0], np.int64)
        return (
            _written(self._keys, records.rows, addresses, _NOTHING),
            _written(self._values, records.rows, addresses, self._prefix),
        )


def _written(
    program: tuple[Int64s, Int64s, Int64s], rows: int, addresses: Int64s, before: Bytes
) -> pa.BinaryArray:
    fixed, arrays, lanes = program
    lines = fixed + addresses[arrays] + rows * lanes
    return run(lines, rows, before, kernels.most_bytes(lines, rows))


def _kind(laid: Field) -> int:
    return kernels.TEXT_LIST if laid.kind == "texts" and not laid.more else _VALUES[laid.kind]


def _fields(schema: Mapping[str, Any]) -> tuple[FlatField, ...]:
    try:
        return flat_fields(schema)
    except NotFlat as reason:
        raise OurMistake(f"schema {schema['name']} cannot be encoded: {reason}") from None


def _fits(field: FlatField, laid: Field) -> bool:
    return laid.kind in _FITS.get((field.kind, field.array), ()) and (
        field.nullable or laid.absent is None
    )
