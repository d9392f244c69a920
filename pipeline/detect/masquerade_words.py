"""An episode of masquerading in the words of an alert."""

from typing import Final

from pipeline.detect.episode_finding import Words, episode_finding, window_of
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
    final: bool,
) -> Finding:
    """Return the finding of an episode; ``resolved_min``: the minute since which it is over."""
    did = "wrote much as other users" if episode.peak.kind == "writes" else "acted as many users"
    query = masquerade_query(episode.key, window_of(episode))
    words = Words(f"one person {did}", _explanation(episode), query, MAX_TARGETS)
    return episode_finding(rule, episode, words, resolved_min=resolved_min, final=final)


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
