"""Eight bytes of an array at once, wherever they begin: hashing and comparing texts rests on it."""

from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_READ = types.Array(types.uint8, 1, "C", readonly=True)
_OWN = types.uint8[::1]
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_EIGHT = np.uint64(8)


def _eight_at(_typing: Any, array: Any, index: Any) -> Any:
    """Return ``array[index : index + 8]`` as one integer; all eight must be within the array."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = signature.args[0]
        found = context.make_array(kind)(context, builder, args[0])
        item: Any = cgutils.get_item_pointer
        place = item(context, builder, kind, found, [args[1]], wraparound=False)
        pointer = builder.bitcast(place, ir.IntType(64).as_pointer())
        return builder.load(pointer, align=1)

    # `index` is looked at in the code that is generated.
    del index
    if not isinstance(array, types.Array) or array.ndim != 1 or array.dtype != types.uint8:
        return None
    return types.uint64(array, types.intp), generate


eight_at: Any = intrinsic(_eight_at)


@numba.njit(types.uint64(types.uint64), cache=True, inline="always")
def mixed(value: Any) -> Any:
    """Return the value with every bit spread over all (a round of murmur3's finalizer)."""
    value ^= value >> np.uint64(32)
    value *= _MULTIPLIER
    return value ^ (value >> np.uint64(32))


@numba.njit(types.uint64(_READ, types.int64, types.int64, types.uint64), cache=True)
def text_hash(data: Any, start: Any, length: Any, seed: Any) -> Any:
    """Return a hash of a text; the last eight bytes of a long one may be read twice."""
    state = mixed(seed + np.uint64(length) * _MULTIPLIER)
    if length >= 8:
        for at in range(start, start + length - 8, 8):
            state = mixed(state ^ eight_at(data, at))
        return mixed(state ^ eight_at(data, start + length - 8))
    word = np.uint64(0)
    for at in range(start, start + length):
        word = (word << _EIGHT) | np.uint64(data[at])
    return mixed(state ^ word)


@numba.njit(types.boolean(_READ, types.int64, _OWN, types.int64, types.int64), cache=True)
def same_text(data: Any, start: Any, pool: Any, first: Any, length: Any) -> Any:
    """Tell whether ``length`` bytes are the same in both arrays."""
    if length >= 8:
        for at in range(0, length - 8, 8):
            if eight_at(data, start + at) != eight_at(pool, first + at):
                return False
        return eight_at(data, start + length - 8) == eight_at(pool, first + length - 8)
    for at in range(length):  # noqa: SIM110 - numba compiles loops, not generators
        if data[start + at] != pool[first + at]:
            return False
    return True
