"""An episode of a generic rule as a finding."""

from typing import Any, Final

from pipeline.detect.episode_finding import Words, episode_finding, known_since, window_of
from pipeline.detect.episodes import Episode
from pipeline.detect.evidence import MANY, chance, clock, watch_query
from pipeline.detect.finding import Finding
from pipeline.detect.scope import Scope
from pipeline.domain.event_time import MINUTE

MAX_NAMED: Final = 50

_MEASURES: Final = {
    "rows": "rows",
    "errors": "errors",
    "writes": "writing requests",
    "masqueraded": "masqueraded requests",
    "participations": "participations",
    "members": "distinct members",
}


def watch_finding(
    scope: Scope[Any],
    episode: Episode,
    *,
    resolved_min: int | None,
    final: bool,
) -> Finding:
    """Return the finding of an episode; ``resolved_min``: the minute since which it is over."""
    rule = scope.rule
    phrase = scope.phrase(episode)
    text = phrase.explanation
    if episode.key == MANY:
        names = ", ".join(name for name, _ in episode.top_parts(5))
        text = (
            f"More than {rule.parameters.max_alerts_per_hour} keys stood out within an hour; "
            f"this alert stands for {len(episode.parts):,} more of them ({names}). "
            f"The strongest: {text}"
        )
    query = watch_query(rule.dimension, episode.key, rule.feeds, window_of(episode))
    words = Words(phrase.title, text, query, MAX_NAMED)
    found = episode_finding(rule, episode, words, resolved_min=resolved_min, final=final)
    return known_since(found, scope.since(episode.key))


def where(episode: Episode) -> str:
    """Return whom an episode is about."""
    return episode.key or "the whole instance"


def measured(measure: str) -> str:
    """Return a measure in words."""
    name = measure.removeprefix("status_")
    return _MEASURES.get(measure, f"answers with HTTP {name}")


def between(episode: Episode) -> str:
    """Return the time of an episode in words."""
    first, last = window_of(episode)
    return f"between {clock(first)} and {clock(last)}"


def against(episode: Episode) -> str:
    """Return what is usual, the cut and the probability of an episode's strongest window."""
    peak = episode.peak
    return (
        f"where about {peak.expected:,.4g} would be usual; the alarm starts at "
        f"{peak.threshold:,.4g} (chance of this by accident: {chance(peak.probability)})"
    )


def strongest(episode: Episode) -> str:
    """Return the strongest window of an episode in words."""
    peak = episode.peak
    minutes = f"{peak.window_min} minute{'s' if peak.window_min > 1 else ''}"
    return f"in the {minutes} up to {clock((peak.minute + 1) * MINUTE)}"
