"""The processor's prefetch instruction, for loops over rows whose places in memory are random."""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.core.imputils import impl_ret_untracked
from numba.extending import intrinsic

_POINTER: Any = cgutils.get_item_pointer
_FUNCTION: Any = cgutils.get_or_insert_function
_NOTHING: Any = impl_ret_untracked


def _prefetch(_typing: Any, array: Any, _index: Any) -> Any:
    """Ask for the cache line of ``array[index]`` of a one-dimensional array, and go on.

    The index must be within the array. An iteration asks for what one some rows later needs, so
    that several misses are under way at once.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = signature.args[0]
        found = context.make_array(kind)(context, builder, args[0])
        where = [args[1]]
        place = _POINTER(context, builder, kind, found, where, wraparound=False)
        word = ir.IntType(32)
        pointer = builder.bitcast(place, ir.IntType(8).as_pointer())
        known = ir.FunctionType(ir.VoidType(), [pointer.type, word, word, word])
        call = _FUNCTION(builder.module, known, "llvm.prefetch.p0")
        # To be read and written, to stay in all caches, data.
        builder.call(call, [pointer, word(1), word(3), word(1)])
        return _NOTHING(context, builder, signature.return_type, context.get_dummy_value())

    if not isinstance(array, types.Array) or array.ndim != 1:
        return None
    return types.void(array, types.intp), generate


prefetch: Any = intrinsic(_prefetch)
"""See ``_prefetch``; kernels call it with an array and an index."""
