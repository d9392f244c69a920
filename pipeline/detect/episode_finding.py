"""An episode as a finding: what all rules say of it in the same way."""

from dataclasses import replace
from typing import NamedTuple

from pipeline.detect.episodes import Episode
from pipeline.detect.finding import Finding
from pipeline.detect.rules import AnyRule
from pipeline.domain.event_time import MINUTE


class Words(NamedTuple):
    """What a rule says of an episode; ``named`` of its parts are listed."""

    title: str
    explanation: str
    evidence_query: str
    named: int


def window_of(episode: Episode) -> tuple[int, int]:
    """Return [start, end) of an episode in microseconds."""
    return episode.first * MINUTE, (episode.last + 1) * MINUTE


def episode_finding(
    rule: AnyRule,
    episode: Episode,
    words: Words,
    *,
    resolved_min: int | None,
    final: bool,
) -> Finding:
    """Return the finding of an episode; ``resolved_min``: the minute since which it is over."""
    start, end = window_of(episode)
    peak = episode.peak
    return Finding(
        rule=rule,
        key=episode.key,
        window_start=start,
        window_end=end,
        opened_at=(episode.opened + 1) * MINUTE,
        resolved_at=None if resolved_min is None else resolved_min * MINUTE,
        final=final,
        feeds=tuple(episode.feeds),
        title=f"{rule.title}: {words.title}",
        explanation=words.explanation,
        observed=peak.observed,
        expected=peak.expected,
        threshold=peak.threshold,
        probability=peak.probability,
        contributing=tuple(episode.top_parts(words.named)),
        request_ids=tuple(episode.request_ids),
        session_ids=tuple(episode.session_ids),
        evidence_query=words.evidence_query,
        window_min=peak.window_min,
        total=float(sum(episode.parts.values())),
    )


def known_since(finding: Finding, minute: int | None) -> Finding:
    """Return a finding that tells since which minute what is usual is known; None: not at all.

    What is learned only after the finding began is no history behind it.
    """
    if minute is None or minute * MINUTE >= finding.window_start:
        return finding
    return replace(finding, baseline_since=minute * MINUTE)
