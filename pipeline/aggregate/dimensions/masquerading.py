"""What people do while they act as others; members are those they act as."""

from typing import Final

from pipeline.aggregate.dimensions import traits
from pipeline.aggregate.dimensions.dimension import BOTH, WEB, Narrow
from pipeline.aggregate.dimensions.parts import ACTOR, USER, word_by_trait

_KIND: Final = word_by_trait(
    (
        (traits.GRADING, "grade"),
        (traits.SUBMITTING, "submission"),
        (traits.MESSAGING, "conversation"),
        (traits.ADMIN | traits.TOKEN, "admin"),
        (traits.WRITE, "other"),
    ),
)

ANYTHING: Final = Narrow("masquerader", BOTH, traits.MASQUERADED, (ACTOR,), members=USER)
WRITES: Final = Narrow(
    "masqueraded_write",
    WEB,
    traits.MASQUERADED,
    (_KIND, ACTOR),
    (traits.WRITE,),
    members=USER,
)
AS_ADMIN: Final = Narrow(
    "masqueraded_admin",
    BOTH,
    traits.MASQUERADED,
    (ACTOR,),
    (traits.ADMIN | traits.AS_ADMIN,),
    members=USER,
)
"""A person who sees the admin surface while masquerading acts as an administrator: web_logs say no
roles, so this shows it; Live Events say the role."""

MASQUERADING: Final = (ANYTHING, WRITES, AS_ADMIN)
