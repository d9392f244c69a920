"""Who grades whom: grades that changed."""

from typing import Final

from pipeline.aggregate.dimensions import traits
from pipeline.aggregate.dimensions.dimension import LIVE, Narrow
from pipeline.aggregate.dimensions.parts import COURSE, DOER, SUBJECT

GRADERS: Final = Narrow("grader", LIVE, traits.FACT, (DOER,), (traits.GRADED,), members=SUBJECT)
RAISERS: Final = Narrow("grader_up", LIVE, traits.FACT, (DOER,), (traits.RAISED,), members=SUBJECT)
GRADED_COURSES: Final = Narrow(
    "graded_course", LIVE, traits.FACT, (COURSE,), (traits.GRADED,), members=DOER
)
"""No feed says of a grade whether the term was over; that its course was concluded before shows
in ``course_concluded``."""

GRADES: Final = (GRADERS, RAISERS, GRADED_COURSES)
