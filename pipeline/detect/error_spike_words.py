"""An episode of errors in the words of an alert."""

from typing import Final

from pipeline.detect.episode_finding import Words, episode_finding, window_of
from pipeline.detect.episodes import Episode
from pipeline.detect.evidence import chance, clock, error_query
from pipeline.detect.finding import Finding
from pipeline.detect.rules import ErrorSpikeRule
from pipeline.domain.event_time import MINUTE

MAX_CONTRIBUTORS: Final = 10


def error_finding(
    rule: ErrorSpikeRule,
    episode: Episode,
    *,
    resolved_min: int | None,
    final: bool,
) -> Finding:
    """Return the finding of an episode; ``resolved_min``: the minute since which it is over."""
    status_class = rule.parameters.status_class
    where = episode.key or "the whole instance"
    query = error_query(rule.dimension, episode.key, status_class, window_of(episode))
    words = Words(where, _explanation(status_class, where, episode), query, MAX_CONTRIBUTORS)
    return episode_finding(rule, episode, words, resolved_min=resolved_min, final=final)


def _explanation(status_class: str, where: str, episode: Episode) -> str:
    peak, totals = episode.peak, episode.totals
    requests, errors = totals["requests"], totals["errors"]
    strongest = f"{peak.window_min} minute{'s' if peak.window_min > 1 else ''}"
    text = (
        f"{errors:,.0f} of {requests:,.0f} requests ({errors / max(requests, 1):.1%}) to {where} "
        f"between {clock(episode.first * MINUTE)} and {clock((episode.last + 1) * MINUTE)} were "
        f"answered with HTTP {status_class}; about {totals['expected']:,.1f} would be usual. "
        f"In the strongest {strongest}, up to {clock((peak.minute + 1) * MINUTE)}, there were "
        f"{peak.observed:,.0f} where {peak.expected:,.2f} would be usual; the alarm starts at "
        f"{peak.threshold:,.0f} (chance of so many by accident: {chance(peak.probability)})."
    )
    if episode.parts:
        parts = ", ".join(f"{name} ({count:,})" for name, count in episode.top_parts(5))
        text += f" Most of the errors came from {parts}."
    return text
