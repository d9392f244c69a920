"""Changes on the admin surface: what was changed by whom, and who changes from where."""

from typing import Final

from pipeline.aggregate.dimensions import traits
from pipeline.aggregate.dimensions.dimension import LIVE, WEB, Narrow
from pipeline.aggregate.dimensions.parts import (
    ACTION,
    ACTOR,
    CONTROLLER,
    DOER,
    NETWORK,
    word_by_trait,
)

_SURFACE: Final = traits.ADMIN | traits.TOKEN

CHANGES: Final = Narrow(
    "admin_change", WEB, _SURFACE, (CONTROLLER, ACTION), (traits.WRITE,), members=ACTOR
)
ADDED: Final = Narrow(
    "admin_change",
    LIVE,
    traits.FACT,
    (word_by_trait(((traits.ADMIN_ADDED, "user_account_association_created#admin"),)),),
    members=DOER,
)
ACTORS: Final = Narrow("admin_actor", WEB, _SURFACE, (ACTOR,), (traits.WRITE,), members=NETWORK)
BY_HAND: Final = Narrow(
    "admin_by_hand",
    WEB,
    _SURFACE,
    (ACTOR,),
    (traits.WRITE,),
    members=NETWORK,
    never=traits.PROGRAM,
)
"""Programs work at hours of their own: one that imports every night would make nights usual."""

ADMINISTRATION: Final = (CHANGES, ADDED, ACTORS, BY_HAND)
