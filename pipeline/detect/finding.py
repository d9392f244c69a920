"""What a detector says at a moment about one rule and key: not yet an alert with a life."""

from dataclasses import dataclass

from pipeline.detect.rules import AnyRule


@dataclass(frozen=True, slots=True)
class Finding:
    """An episode in the words of the anomaly record. Times in microseconds since the epoch.

    ``resolved_at`` is set once it is over; ``final`` says that no row can change it any more, nor a
    later minute go on with it. ``window_min`` is the length of the window that was judged;
    ``baseline_since`` the first moment of the history behind ``expected``, where the detector knows
    it; ``total`` what the contributing counts are shares of, if not of their sum.
    """

    rule: AnyRule
    key: str
    window_start: int
    window_end: int
    opened_at: int
    resolved_at: int | None
    final: bool
    feeds: tuple[str, ...]
    title: str
    explanation: str
    observed: float
    expected: float
    threshold: float
    probability: float | None
    contributing: tuple[tuple[str, int], ...]
    request_ids: tuple[str, ...]
    session_ids: tuple[str, ...]
    evidence_query: str
    window_min: int = 0
    baseline_since: int | None = None
    total: float | None = None
