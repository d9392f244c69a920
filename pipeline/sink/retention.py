"""How long ClickHouse keeps rows.

The migrations create the tables with the defaults below; an installation that wants something
else says so when it migrates. A row older than its limit goes as soon as ClickHouse merges,
also if it has just been loaded: to load history, or to simulate it, switch retention off.
"""

from dataclasses import dataclass
from typing import Final, Literal

from pipeline.domain.errors import SettingsError

Keep = Literal["raw", "results", "dead_letters"]
"""Classes of retention: rows as received, what was computed from them, what nobody understood."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Days to keep rows, counted from the row's own time; None keeps them for ever.

    ``raw_days``: rows as received, and late ones (a year and a month: this term against the
    same term last year). ``results_days``: sessions and statistics (three years). Anomalies and
    erasures are always kept.
    """

    raw_days: int | None = 400
    results_days: int | None = 1100
    dead_letters_days: int | None = 90

    def __post_init__(self) -> None:
        if any(days is not None and days < 1 for days in self._all()):
            raise SettingsError("Rows are kept for at least one day, or for ever.")

    def days(self, keep: Keep) -> int | None:
        """Return the days for a class of rows."""
        raw, results, dead_letters = self._all()
        return {"raw": raw, "results": results, "dead_letters": dead_letters}[keep]

    def _all(self) -> tuple[int | None, int | None, int | None]:
        return self.raw_days, self.results_days, self.dead_letters_days


FOR_EVER: Final = Retention(None, None, None)
