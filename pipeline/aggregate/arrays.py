"""Arrays that grow."""

from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

Array = TypeVar("Array", bound=npt.NDArray[Any])


def longer(array: Array, length: int, *, filled_with: int) -> Array:
    """Return the array with at least such a length; it doubles when it grows."""
    if length <= len(array):
        return array
    grown = np.full(2 * length, filled_with, array.dtype)
    grown[: len(array)] = array
    return cast(Array, grown)
