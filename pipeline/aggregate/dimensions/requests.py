"""How much there is of everything: dimensions of all rows, or of every row that has the key."""

from typing import Final

from pipeline.aggregate.dimensions import traits
from pipeline.aggregate.dimensions.dimension import BOTH, EVERY, LIVE, WEB, Narrow, Wide
from pipeline.aggregate.dimensions.parts import ACTION, CONTROLLER, DEVELOPER_KEY, text

ALL: Final = Wide("all", EVERY, ())
CONTROLLER_ACTION: Final = Wide("controller_action", WEB, (CONTROLLER, ACTION))
HOST: Final = Wide("host", LIVE, (text("host"),), having="host")
KEYS: Final = Wide("developer_key", BOTH, (DEVELOPER_KEY,), having="developer_key")
JOBS: Final = Narrow("job_event", LIVE, traits.JOB, (), sampled=False)
"""Events of background jobs: they stop for other reasons than those of requests."""

REQUESTS: Final = (ALL, CONTROLLER_ACTION, HOST, KEYS, JOBS)
