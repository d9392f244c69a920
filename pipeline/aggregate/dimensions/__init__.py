"""The dimensions that rows are counted by: a few lines each, in files by what they are about.

A dimension's keys never grow with the number of users unless only a few rows have one.
"""

from typing import Final

from pipeline.aggregate.dimensions.admin import ADMINISTRATION
from pipeline.aggregate.dimensions.courses import COURSES
from pipeline.aggregate.dimensions.dimension import OTHER, Dimension, Narrow, Wide
from pipeline.aggregate.dimensions.downloads import DOWNLOADS
from pipeline.aggregate.dimensions.grades import GRADES
from pipeline.aggregate.dimensions.in_paths import IN_PATHS
from pipeline.aggregate.dimensions.logins import LOGINS
from pipeline.aggregate.dimensions.masquerading import MASQUERADING
from pipeline.aggregate.dimensions.refusals import REFUSALS
from pipeline.aggregate.dimensions.requests import CONTROLLER_ACTION, REQUESTS
from pipeline.aggregate.dimensions.takeovers import TAKEOVERS
from pipeline.aggregate.dimensions.tokens import TOKENS

__all__ = ["CONTROLLER_ACTION", "DIMENSIONS", "NAMES", "OTHER", "Dimension", "Narrow", "Wide"]

DIMENSIONS: Final[tuple[Dimension, ...]] = (
    *REQUESTS,
    *REFUSALS,
    *IN_PATHS,
    *TOKENS,
    *MASQUERADING,
    *ADMINISTRATION,
    *LOGINS,
    *DOWNLOADS,
    *TAKEOVERS,
    *GRADES,
    *COURSES,
)

NAMES: Final = frozenset(dimension.name for dimension in DIMENSIONS)
"""What the rule of a detector may name."""
