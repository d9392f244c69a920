"""An episode of errors in the words of an alert."""

from typing import Final

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
    provisional: bool,
    final: bool,
) -> Finding:
    """Return the finding of an episode; ``resolved_min``: the minute since which it is over."""
    window = (episode.first * MINUTE, (episode.last + 1) * MINUTE)
    status_class = rule.parameters.status_class
    where = episode.key or "the whole instance"
    peak = episode.peak
    return Finding(
        rule=rule,
        key=episode.key,
        window_start=window[0],
        window_end=window[1],
        opened_at=(episode.opened + 1) * MINUTE,
        resolved_at=None if resolved_min is None else resolved_min * MINUTE,
        provisional=provisional,
        final=final,
        feeds=tuple(episode.feeds),
        title=f"{rule.title}: {where}",
        explanation=_explanation(status_class, where, episode),
        observed=peak.observed,
        expected=peak.expected,
        threshold=peak.threshold,
        probability=peak.probability,
        contributing=tuple(episode.top_parts(MAX_CONTRIBUTORS)),
        request_ids=tuple(episode.request_ids),
        session_ids=tuple(episode.session_ids),
        evidence_query=error_query(rule.dimension, episode.key, status_class, window),
    )


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
