"""Groups in sorted arrays."""

import numpy as np

from pipeline.sessionize.arrays import I64


def starts_of(changed: np.ndarray) -> I64:
    """Return where groups start, given for each item but the first whether it opens one."""
    return np.concatenate((np.zeros(1, np.int64), np.flatnonzero(changed) + 1))
