"""Names for the numpy arrays that this room passes around."""

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

I64: TypeAlias = npt.NDArray[np.int64]
I32: TypeAlias = npt.NDArray[np.int32]
U64: TypeAlias = npt.NDArray[np.uint64]
U8: TypeAlias = npt.NDArray[np.uint8]
Flags: TypeAlias = npt.NDArray[np.bool_]
EMPTY: Final[I64] = np.empty(0, np.int64)


def concat(parts: list[I64]) -> I64:
    """Return the parts in one array; no parts give an empty one."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else EMPTY
