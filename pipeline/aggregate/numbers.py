"""Decimal texts of whole numbers."""

import numpy as np

from pipeline.aggregate import number_kernels
from pipeline.aggregate.arrow_texts import I64, Texts


def texts_of_numbers(values: I64) -> Texts:
    """Return the numbers in decimal."""
    offsets = np.empty(len(values) + 1, np.int64)
    data = np.empty(number_kernels.MOST_DIGITS * len(values), np.uint8)
    written = number_kernels.write_numbers(values, offsets, data)
    return Texts(offsets, data[:written])
