"""Who grades whom: requests that grade, and the grades that changed."""

from typing import Final

from pipeline.aggregate.dimensions import traits
from pipeline.aggregate.dimensions.dimension import LIVE, WEB, Narrow
from pipeline.aggregate.dimensions.parts import ACTOR, COURSE, DOER, SUBJECT

REQUESTS: Final = Narrow(
    "grade_write", WEB, traits.GRADING, (ACTOR,), (traits.WRITE,), members=COURSE
)
GRADERS: Final = Narrow("grader", LIVE, traits.FACT, (DOER,), (traits.GRADED,), members=SUBJECT)
RAISERS: Final = Narrow("grader_up", LIVE, traits.FACT, (DOER,), (traits.RAISED,), members=SUBJECT)
GRADED_COURSES: Final = Narrow(
    "graded_course", LIVE, traits.FACT, (COURSE,), (traits.GRADED,), members=DOER
)
"""What the feeds do not say of a grade is whether the term was over; a course that was concluded
before it is graded shows in ``course_change`` and then here."""

GRADES: Final = (REQUESTS, GRADERS, RAISERS, GRADED_COURSES)
