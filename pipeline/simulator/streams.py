"""Names of the independent random streams of one seed.

A part that draws more than before leaves the others as they were: the background is the same
with and without attacks.
"""

from typing import Final

POPULATION: Final = 1
PLANS: Final = 2
JOURNEYS: Final = 3
SHUFFLE: Final = 4
BAD_LINES: Final = 5
ATTACKS: Final = 6
JOBS: Final = 7
CAMPAIGN: Final = 8
