"""Loads and stores at addresses, for compiled loops.

numba counts references to an array whenever a helper takes one, which costs more than most
helpers do, and tests every index for being negative: a walk over records was four times slower
with arrays. So loops take the address of an array once and pass it on as a number; they must
check every place before they use it, and whoever calls them keeps the array.

numba's cache does not see changes of this file: the kernels that use it must be touched too.
"""

from typing import Any, Final

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_LONG: Final = ir.IntType(64)
_BYTE: Final = ir.IntType(8)


def _byte(_context: Any, _memory: Any, _at: Any) -> Any:
    def load(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        place = builder.inttoptr(builder.add(*args), _BYTE.as_pointer())
        return builder.zext(builder.load(place, align=1), _LONG)

    return types.uint64(types.int64, types.int64), load


def _eight(_context: Any, _memory: Any, _at: Any) -> Any:
    def load(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        place = builder.inttoptr(builder.add(*args), _LONG.as_pointer())
        return builder.load(place, align=1)

    return types.uint64(types.int64, types.int64), load


def _word(_context: Any, _memory: Any, _place: Any) -> Any:
    def load(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.load(_nth(builder, *args), align=8)

    return types.int64(types.int64, types.int64), load


def _set_word(_context: Any, _memory: Any, _place: Any, _word: Any) -> Any:
    def store(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        builder.store(args[2], _nth(builder, args[0], args[1]), align=8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), store


def _set_byte(_context: Any, _memory: Any, _at: Any, _byte: Any) -> Any:
    def store(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        place = builder.inttoptr(builder.add(args[0], args[1]), _BYTE.as_pointer())
        builder.store(builder.trunc(args[2], _BYTE), place)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), store


def _copy(_context: Any, _memory: Any, _at: Any, _source: Any, _start: Any, _count: Any) -> Any:
    def copy(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        memory, at, source, start, count = args
        target = builder.inttoptr(builder.add(memory, at), _BYTE.as_pointer())
        origin = builder.inttoptr(builder.add(source, start), _BYTE.as_pointer())
        cgutils.raw_memcpy(builder, target, origin, count, 1)  # type: ignore[no-untyped-call]
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), copy


def _prefetch(_context: Any, _memory: Any, _at: Any) -> Any:
    def fetch(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        pointer = _BYTE.as_pointer()
        place = builder.inttoptr(builder.add(*args), pointer)
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        function = builder.module.globals.get("llvm.prefetch.p0")
        if function is None:
            function = ir.Function(builder.module, kind, "llvm.prefetch.p0")
        # To be read, kept in all caches, data.
        builder.call(function, [place, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), fetch


def _first_bit(_context: Any, _word: Any) -> Any:
    def count(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), count


def _nth(builder: Any, memory: Any, place: Any) -> Any:
    at = builder.add(memory, builder.shl(place, ir.Constant(_LONG, 3)))
    return builder.inttoptr(at, _LONG.as_pointer())


byte_at: Any = intrinsic(_byte)
"""byte_at(memory, at): the byte at a place, as a uint64."""

eight_at: Any = intrinsic(_eight)
"""eight_at(memory, at): eight bytes from a place on as a uint64, the first lowest."""

word_at: Any = intrinsic(_word)
"""word_at(memory, place): an int64; places are counted in words."""

set_word: Any = intrinsic(_set_word)
"""set_word(memory, place, word): store an int64; places are counted in words."""

set_byte: Any = intrinsic(_set_byte)
"""set_byte(memory, at, byte): store the lowest byte of an int64."""

copy_bytes: Any = intrinsic(_copy)
"""copy_bytes(memory, at, source, start, count): copy bytes from other memory; none may overlap."""

trailing_zeros: Any = intrinsic(_first_bit)
"""trailing_zeros(word): how many bits below the lowest one that is set; 64 for 0."""

prefetch: Any = intrinsic(_prefetch)
"""prefetch(memory, at): bring the line of a place into the caches; any place is allowed."""


@numba.njit(types.int64(types.int64, types.int64, types.int64), cache=True, inline="always")
def write_digits(out: Any, at: Any, value: Any) -> Any:
    """Write a whole number in decimal to memory and return where it ends; 15 ns each."""
    rest = np.uint64(value)
    if value < 0:
        set_byte(out, at, np.int64(45))
        at += 1
        rest = ~rest + np.uint64(1)
    end, left = at + 1, rest
    while left >= np.uint64(10):
        left //= np.uint64(10)
        end += 1
    for place in range(end - 1, at - 1, -1):
        set_byte(out, place, np.int64(np.uint64(48) + rest % np.uint64(10)))
        rest //= np.uint64(10)
    return end
