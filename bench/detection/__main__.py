"""Try the shipped rules on simulated weeks: ``python -m bench.detection [--days N] [--seeds …]``.

For every seed four stretches run through the same engine as ``replay``: one without attacks, and
one for each strength of every attack; look-alikes are in all of them. The university of the
evaluation (size, rates, calendar, time zone, seeds) is not the one the rules were tuned on;
``--tuning`` runs the latter. Nothing is written but a temporary directory.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from rich.console import Console

from bench.detection.plan import EVALUATION, EVALUATION_SEEDS, TUNING, TUNING_SEEDS
from bench.detection.report import table, totals
from bench.detection.scoring import STRENGTHS, RuleScore, merge
from bench.detection.trial import Trial, judge


def main() -> None:
    """Run all stretches, some at a time, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.detection", description=__doc__)
    parser.add_argument("--days", type=int, default=30, help="length of a stretch; 30")
    parser.add_argument("--seeds", type=int, nargs="+", default=None)
    parser.add_argument("--tuning", action="store_true", help="the university of the tuning")
    parser.add_argument("--rule", action="append", default=None, help="only these rules")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="stretches at a time")
    given = parser.parse_args()
    world = TUNING if given.tuning else EVALUATION
    seeds = given.seeds or (TUNING_SEEDS if given.tuning else EVALUATION_SEEDS)
    only = None if given.rule is None else tuple(given.rule)
    trials = [
        Trial(world, given.days, 4 * seed + number, strength, only)
        for seed in seeds
        for number, strength in enumerate((None, *STRENGTHS))
    ]
    console = Console(width=160, highlight=False)
    scores: dict[str, RuleScore] = {}
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        for lines, own in pool.map(judge, trials):
            console.print("\n".join(lines))
            merge(scores, own)
    for line in _summary(scores, len(seeds) * given.days / 7):
        console.print(line)


def _summary(scores: dict[str, RuleScore], weeks: float) -> Iterator[str]:
    yield ""
    yield from table(scores, weeks)
    yield ""
    yield totals(scores)


if __name__ == "__main__":
    main()
