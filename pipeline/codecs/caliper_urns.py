"""Ids of Caliper events: ``urn:instructure:canvas:<kind>:<id>``.

Kinds are an open set in mixed spelling (``assignment_override``, ``wikiPage``, ``lti/tool_proxy``)
and may have two parts (``quizzes:quiz``). What belongs to a course begins with it: a section is
``…:course:5:section:9``; a membership is ``…:course:5:Instructor:7`` with a role, else
``…:course:5:user:7``.
https://developerdocs.instructure.com/services/live-events/event-format/caliper-structure
"""

import re
from typing import Any, Final

from pipeline.codecs.canonical import canvas_id

_URN: Final = re.compile(r"urn:instructure:canvas:([^:]+)(?::[A-Za-z][^:]*)?:([^:]+)(?::.*)?")
_KIND: Final = re.compile(r"urn:instructure:canvas:([^:]+)")
_MEMBERSHIP: Final = re.compile(r"urn:instructure:canvas:course:.+:([A-Za-z]+):[0-9~]+")
_NO_ROLE: Final = ("user", "section")


def urn_kind(urn: Any) -> str:
    """Return ``course`` for ``urn:instructure:canvas:course:…``; blank for anything else."""
    found = _KIND.match(urn) if isinstance(urn, str) else None
    return found[1] if found else ""


def urn_id(urn: Any) -> int | None:
    """Return the id of the thing, or of the course it begins with; None if there is none."""
    found = _URN.fullmatch(urn) if isinstance(urn, str) else None
    if found is None:
        return None
    try:
        return canvas_id(found[2])
    except ValueError:
        return None


def membership_role(urn: Any) -> str | None:
    """Return ``Instructor`` for ``…:course:5:Instructor:7``, None for ``…:course:5:user:7``."""
    found = _MEMBERSHIP.fullmatch(urn) if isinstance(urn, str) else None
    return found[1] if found and found[1] not in _NO_ROLE else None
