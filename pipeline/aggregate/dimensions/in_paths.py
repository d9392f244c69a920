"""What is known by an id in the path: LTI tools that are launched or send grades."""

from typing import Final

import numpy as np

from pipeline.aggregate import path_kernels
from pipeline.aggregate.arrow_texts import picked
from pipeline.aggregate.dimensions import traits
from pipeline.aggregate.dimensions.dimension import WEB, Narrow
from pipeline.aggregate.dimensions.parts import PATH, Column, Part, Rows


def id_behind(before: str) -> Part:
    """Return the part that is the first id behind some text in the path."""
    letters = np.frombuffer(before.encode(), np.uint8)

    def read(rows: Rows) -> Column:
        texts, _ = PATH.read(rows)
        starts, lengths = np.empty((2, len(texts.offsets) - 1), np.int64)
        path_kernels.find_ids(*texts, letters, starts, lengths)
        return Column(picked(starts, lengths, texts.data), lengths > 0)

    return Part(read)


LTI_TOOL: Final = Narrow("tool", WEB, traits.TOOL, (id_behind("tools/"),), sampled=False)
"""``/external_tools/7`` and ``/api/lti/v1/tools/7``."""

IN_PATHS: Final = (LTI_TOOL,)
