"""A record nobody can understand: a value, not an error."""

from dataclasses import dataclass
from typing import Literal

Reason = Literal["json", "shape", "value", "time", "too_large", "schema"]


@dataclass(frozen=True, slots=True)
class BadRecord:
    """What is left of a record that could not be read.

    ``location`` says where it came from (file and line; topic, partition and offset),
    ``detail`` why, in words that quote none of its values, ``payload`` its bytes as received.
    """

    location: str
    reason: Reason
    detail: str
    error_class: str
    payload: bytes
