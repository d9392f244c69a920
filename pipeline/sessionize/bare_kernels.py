"""Arrays without their owner, for loops that hand arrays on to other compiled functions.

Numba counts an array's references, with locked instructions, wherever a function takes one, be it
compiled into its caller or not: a loop over rows spent most of its time there.
"""

from typing import Any

from numba import types
from numba.core.imputils import impl_ret_untracked
from numba.extending import intrinsic

_VALUE: Any = impl_ret_untracked


def _bare(_typing: Any, array: Any) -> Any:
    """Return the same array without its owner: whoever calls the loop keeps it."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = signature.args[0]
        found = context.make_array(kind)(context, builder, args[0])
        found.meminfo = found.meminfo.type(None)
        found.parent = found.parent.type(None)
        return _VALUE(context, builder, signature.return_type, found._getvalue())  # noqa: SLF001 - numba's own way

    return (array(array), generate) if isinstance(array, types.Array) else None


bare: Any = intrinsic(_bare)
"""See ``_bare``; kernels call it once with each array that they hand on."""
