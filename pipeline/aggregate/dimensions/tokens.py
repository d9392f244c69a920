"""What programs do with access tokens: from where, with which agent, to how many courses.

A token has no id in the feeds: developer key and actor stand for it. Canvas's phone apps use
tokens too, one for each student; only other programs are looked at, so keys do not grow with the
number of users. A stolen token of a phone app shows as soon as a program uses it.
"""

from typing import Final

from pipeline.aggregate.dimensions import traits
from pipeline.aggregate.dimensions.dimension import WEB, Narrow
from pipeline.aggregate.dimensions.parts import ACTOR, AGENT, COURSE, DEVELOPER_KEY, NETWORK

_TOKEN: Final = (DEVELOPER_KEY, ACTOR)

NETWORKS: Final = Narrow("token", WEB, traits.PROGRAM, _TOKEN, members=NETWORK, sampled=False)
AGENTS: Final = Narrow("token_agent", WEB, traits.PROGRAM, _TOKEN, members=AGENT, sampled=False)
COURSES: Final = Narrow("token_course", WEB, traits.PROGRAM, _TOKEN, members=COURSE, sampled=False)
ADMINISTERING: Final = Narrow(
    "token_admin", WEB, traits.ADMIN, _TOKEN, (traits.TOKEN_USE,), members=NETWORK
)

TOKENS: Final = (NETWORKS, AGENTS, COURSES, ADMINISTERING)
