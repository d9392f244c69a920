"""What is known by an id in the path: LTI tools that are launched or send grades."""

from typing import Final

from pipeline.aggregate.dimensions import traits
from pipeline.aggregate.dimensions.dimension import WEB, Narrow
from pipeline.aggregate.dimensions.parts import PATH, id_behind

LTI_TOOL: Final = Narrow("tool", WEB, traits.TOOL, (id_behind("tools/", PATH),), sampled=False)
"""``/external_tools/7`` and ``/api/lti/v1/tools/7``."""

IN_PATHS: Final = (LTI_TOOL,)
