"""Scores of the univariate detector: ``make bench-detect DIR=…`` (``python -m bench.series DIR``).

Prints NAB's standard, low-FP and low-FN scores: with the detector's own cut, the same for all
series and never fitted, and, beside it, with the cut that suits the folder best, as NAB's
published table is made.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.series.nab_score import PROFILES, Labelled, Profile, score
from bench.series.reading import Series, read_folder
from pipeline.detect.univariate import ALARM_AT, REST_S, UnivariateDetector

CUTS: Final = tuple(np.arange(2.0, 15.01, 0.25).tolist())


class Judged:
    """A series and what the detector said of each row."""

    def __init__(self, series: Series) -> None:
        self.name = series.name
        self.labelled: Labelled = series.labelled
        self._times = series.times
        detector = UnivariateDetector()
        began = time.process_time()
        pairs = zip(series.times.tolist(), series.values.tolist(), strict=True)
        self._scores = np.array([detector.observe(at, value).score for at, value in pairs])
        self.seconds = time.process_time() - began
        self.state_bytes = detector.state_bytes

    def alarms(self, cut: float) -> list[int]:
        """Return the rows at which alarms begin, with a rest after each."""
        rows, rests_until = [], -(1 << 62)
        for row in np.flatnonzero(self._scores >= cut).tolist():
            if self._times[row] >= rests_until:
                rows.append(row)
                rests_until = self._times[row] + REST_S
        return rows


def corpus_score(judged: Sequence[Judged], profile: Profile, cut: float) -> float:
    """Return the normalised score of all series with one cut."""
    return score([(each.labelled, each.alarms(cut)) for each in judged], profile)


def main() -> None:
    """Score one folder."""
    parser = argparse.ArgumentParser(prog="python -m bench.series", description=__doc__)
    parser.add_argument("directory", type=Path)
    arguments = parser.parse_args()
    try:
        judged = [Judged(series) for series in read_folder(arguments.directory)]
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    console = Console()
    table = Table(title=f"{len(judged)} series", title_justify="left")
    for heading in ("profile", f"own cut ({ALARM_AT:g})", "best cut", "score there"):
        table.add_column(heading, justify="left" if heading == "profile" else "right")
    for name, profile in PROFILES.items():
        by_cut = {cut: corpus_score(judged, profile, cut) for cut in CUTS}
        best = max(by_cut, key=lambda cut: by_cut[cut])
        own = corpus_score(judged, profile, ALARM_AT)
        table.add_row(name, f"{own:.1f}", f"{best:g}", f"{by_cut[best]:.1f}")
    console.print(table)
    rows, seconds = sum(each.labelled.rows for each in judged), sum(e.seconds for e in judged)
    console.print(
        f"{rows:,} values, {rows / max(seconds, 1e-9):,.0f} a CPU-second; "
        f"state of a series {max(each.state_bytes for each in judged):,} bytes"
    )


if __name__ == "__main__":
    main()
