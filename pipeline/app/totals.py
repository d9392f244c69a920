"""What a run that has caught up says at its end: where the rows went, in one line."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

from pipeline.engine.tally import Tally

WORDS: Final = {
    "in_sessions": "in sessions",
    "without_session": "without session",
    "late": "late",
    "duplicates": "duplicates",
    "dead": "dead letters",
}
"""Every outcome of rule 23, in its order; together they are what was consumed."""


def totals_line(stages: Sequence[str], tallies: Mapping[str, Tally]) -> str:
    """Return one line; totals are those since the topics were made, over all partitions."""
    feeds = [f"{feed} {_counted(tally)}" for feed, tally in sorted(tallies.items())]
    return f"caught up: {', '.join(stages)}; {'; '.join(feeds) or 'no row was ever consumed'}"


def _counted(tally: Tally) -> str:
    counts = asdict(tally)
    parts = ", ".join(f"{counts[name]:,} {word}" for name, word in WORDS.items() if counts[name])
    return f"{tally.consumed:,} rows ({parts})" if parts else f"{tally.consumed:,} rows"
