"""Networks of client addresses: what one place on the net looks like from Canvas."""

import numpy as np

from pipeline.aggregate import network_kernels
from pipeline.aggregate.arrow_texts import Texts


def networks_of(addresses: Texts) -> Texts:
    """Return the /24 of IPv4 and the /48 of IPv6 addresses, any other text as it is.

    Homes and campuses get at least a /64, mostly a /48 to /56 (RFC 6177), so people move within
    a /48; a /24 is the smallest IPv4 network that is routed by itself.
    """
    rows = len(addresses.offsets) - 1
    ends = np.empty(rows + 1, np.int64)
    out = np.empty(len(addresses.data) + network_kernels.ROOM * rows, np.uint8)
    written = network_kernels.write_networks(*addresses, ends, out)
    return Texts(ends, out[:written])
