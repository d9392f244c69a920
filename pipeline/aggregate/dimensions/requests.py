"""How much there is of everything: dimensions of all rows, or of every row that has the key."""

from typing import Final

from pipeline.aggregate.dimensions.dimension import BOTH, EVERY, LIVE, WEB, Wide
from pipeline.aggregate.dimensions.parts import ACTION, CONTROLLER, DEVELOPER_KEY, text

ALL: Final = Wide("all", EVERY, ())
CONTROLLER_ACTION: Final = Wide("controller_action", WEB, (CONTROLLER, ACTION))
HOST: Final = Wide("host", LIVE, (text("host"),), having="host")
KEYS: Final = Wide("developer_key", BOTH, (DEVELOPER_KEY,), having="developer_key")

REQUESTS: Final = (ALL, CONTROLLER_ACTION, HOST, KEYS)
