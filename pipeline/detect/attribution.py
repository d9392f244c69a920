"""One cause, one alert: which of the whole and its parts reports a spike.

In a minute in which both stand out, the parts report it if at most a few of them explain most of
the excess and the rest of the whole is at its usual level; else the whole does, and the parts
are its contributors.
"""

from collections.abc import Sequence
from typing import Final

from pipeline.detect.episodes import Episode
from pipeline.detect.error_scope import ErrorFlag, ErrorScope

SEAM_MINUTES: Final = 3
"""Flagged minutes up to which an episode may be the ragged edge of a neighbour's."""

SEAM_EXCESS: Final = 0.25
"""Share of the neighbour's excess below which it is."""


def culprits(
    whole: ErrorFlag, parts: Sequence[ErrorFlag], wholes: ErrorScope, scope: ErrorScope
) -> Sequence[ErrorFlag]:
    """Return the parts that report the spike in place of the whole; none: the whole does.

    All flagged parts report it then: a smaller one beside the main culprits is another cause.
    """
    last, first = whole.minute, whole.minute - whole.peak.window_min + 1
    counted = wholes.window(first, last, whole.key)
    rest_requests, rest_errors, explained = counted.requests, counted.errors, 0.0
    ranked = []
    for part in parts:
        own = scope.window(first, last, part.key)
        excess = own.errors - scope.expect(last, part.key, own.requests).mean
        ranked.append((-excess, part.key, own))
    ranked.sort(key=lambda one: one[:2])
    for negative_excess, _, own in ranked[: scope.parameters.max_culprits]:
        explained -= negative_excess
        rest_requests -= own.requests
        rest_errors -= own.errors
        usual = rest_errors < wholes.parameters.min_share * max(rest_requests, 1)
        if usual and explained >= scope.parameters.explained_share * whole.peak.weight:
            return parts
    return ()


def is_seam(episode: Episode, neighbours: Sequence[Episode]) -> bool:
    """Return whether an episode is the ragged edge of one that another rule reports.

    The first and last minutes of an attack hold few errors and may be attributed otherwise.
    """
    return episode.flagged <= SEAM_MINUTES and any(
        other.rule != episode.rule and episode.excess < SEAM_EXCESS * other.excess
        for other in neighbours
    )
