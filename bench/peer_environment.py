"""The variables by which the plain Faust agent is told its place."""

from typing import Final

BROKER: Final = "PLAIN_FAUST_BROKER"
TOPIC: Final = "PLAIN_FAUST_TOPIC"
SCHEMA: Final = "PLAIN_FAUST_SCHEMA"
PARTITIONS: Final = "PLAIN_FAUST_PARTITIONS"
DATA: Final = "PLAIN_FAUST_DATA"
