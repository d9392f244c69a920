"""Rare traits of a row, read from the random bits of its request id.

So a row's fate is its own: rows that an attack adds change nobody else's, and nothing has to be
drawn while lines are written.
"""

from typing import Final, NamedTuple


class Chance(NamedTuple):
    """Comes true for one request id in `one_in`; different residues exclude each other."""

    one_in: int
    residue: int

    def holds(self, bits: int) -> bool:
        """Whether it comes true for these bits."""
        return bits % self.one_in == self.residue


# A row that DAP commits one window late.
LATE_COMMIT: Final = Chance(199, 0)
OVERSIZED_AGENT: Final = Chance(1_009, 1)
LEGACY_OVERSIZED_AGENT: Final = Chance(20_011, 2)
UNSPECIFIED_APP: Final = Chance(2_003, 3)
UNKNOWN_CONTEXT: Final = Chance(10_007, 4)
UNKNOWN_HTTP_VERSION: Final = Chance(10_009, 5)
# A correction and a deletion of one row would need an order between them.
CORRECTED: Final = Chance(5_003, 6)
ERASED: Final = Chance(9_973, 7)

_RARE: Final = (
    OVERSIZED_AGENT,
    LEGACY_OVERSIZED_AGENT,
    UNSPECIFIED_APP,
    UNKNOWN_CONTEXT,
    UNKNOWN_HTTP_VERSION,
)


def row_bits(request_id: str) -> int:
    """Give the 32 bits that decide about the web_logs row."""
    return int(request_id[:8], 16)


def delivery_bits(request_id: str) -> int:
    """Give the 32 bits that decide about the delivery of Live Events."""
    return int(request_id[24:32], 16)


def outage_share(request_id: str) -> float:
    """Give the number in [0, 1) that decides whether an outage hits the request."""
    return int(request_id[32:], 16) / 65536.0


def is_odd(bits: int) -> bool:
    """Whether any rare trait of form holds: nearly never, so that one test suffices."""
    return any(chance.holds(bits) for chance in _RARE)
