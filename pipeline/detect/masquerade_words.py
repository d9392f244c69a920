"""An episode of masquerading in the words of an alert."""

from typing import Final

from pipeline.detect.episodes import Episode
from pipeline.detect.evidence import chance, clock, masquerade_query
from pipeline.detect.finding import Finding
from pipeline.detect.rules import MasqueradeBurstRule
from pipeline.domain.event_time import MINUTE

MAX_TARGETS: Final = 50
"""Targets named in an alert; the count is of all."""

_FEEDS: Final = {"web_logs": "web logs", "live_events": "Live Events"}


def masquerade_finding(
    rule: MasqueradeBurstRule,
    episode: Episode,
    *,
    resolved_min: int | None,
    provisional: bool,
    final: bool,
) -> Finding:
    """Return the finding of an episode; ``resolved_min``: the minute since which it is over."""
    window = (episode.first * MINUTE, (episode.last + 1) * MINUTE)
    peak = episode.peak
    did = "wrote much as other users" if peak.kind == "writes" else "acted as many users"
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
        title=f"{rule.title}: one person {did}",
        explanation=_explanation(episode),
        observed=peak.observed,
        expected=peak.expected,
        threshold=peak.threshold,
        probability=peak.probability,
        contributing=tuple(episode.top_parts(MAX_TARGETS)),
        request_ids=tuple(episode.request_ids),
        session_ids=tuple(episode.session_ids),
        evidence_query=masquerade_query(episode.key, window),
    )


def _explanation(episode: Episode) -> str:
    peak = episode.peak
    what = "requests that write" if peak.kind == "writes" else "different users acted as"
    seen = "; ".join(
        f"{_FEEDS.get(feed, feed)}: {episode.totals[f'rows.{feed}']:,.0f} rows, "
        f"{episode.totals[f'writes.{feed}']:,.0f} of them writes"
        for feed in episode.feeds
    )
    return (
        f"User {episode.key} acted as {len(episode.parts):,} other users between "
        f"{clock(episode.first * MINUTE)} and {clock((episode.last + 1) * MINUTE)}. "
        f"In the strongest {peak.window_min} minutes there were {peak.observed:,.0f} {what} where "
        f"{peak.expected:,.1f} would be usual for this person; the alarm starts at "
        f"{peak.threshold:,.0f} (chance of so many by accident: {chance(peak.probability)}). "
        f"Seen in {seen} (the feeds describe the same requests: do not add them up)."
    )
