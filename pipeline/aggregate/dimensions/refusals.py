"""Requests that Canvas refuses: without permission, or because there are too many.

A throttled request is answered with 403 by the open source, with 429 according to the
documentation; a 403 alone cannot be told from a missing permission.
https://developerdocs.instructure.com/services/canvas/basics/file.throttling
"""

from typing import Final

from pipeline.aggregate.dimensions import traits
from pipeline.aggregate.dimensions.dimension import WEB, Narrow
from pipeline.aggregate.dimensions.parts import CONTROLLER, DEVELOPER_KEY, NETWORK

THROTTLED: Final = Narrow("throttled", WEB, traits.THROTTLED, (DEVELOPER_KEY,), members=NETWORK)
UNAUTHORISED: Final = Narrow("unauthorised", WEB, traits.UNAUTHORISED, (), members=CONTROLLER)
"""Members are controllers: one page that refuses is another story than all of them."""

REFUSALS: Final = (THROTTLED, UNAUTHORISED)
