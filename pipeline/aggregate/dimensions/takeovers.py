"""Where what matters is done from within one session.

Rows of a session are too many to have a key each; its grades, messages and changes of an account
or of the own one are few.
"""

from typing import Final

from pipeline.aggregate.dimensions import traits
from pipeline.aggregate.dimensions.dimension import WEB, Narrow
from pipeline.aggregate.dimensions.parts import AGENT, NETWORK, SESSION

_SENSITIVE: Final = traits.ACCOUNT | traits.ADMIN | traits.GRADING | traits.MESSAGING | traits.TOKEN
_DONE: Final = (traits.WRITE, traits.OWN, traits.ANSWERED)

NETWORKS: Final = Narrow("session_network", WEB, _SENSITIVE, (SESSION,), _DONE, members=NETWORK)
AGENTS: Final = Narrow("session_agent", WEB, _SENSITIVE, (SESSION,), _DONE, members=AGENT)

TAKEOVERS: Final = (NETWORKS, AGENTS)
