"""Try the shipped rules on simulated weeks: ``python -m bench.detection [--days N] [--plan …]``.

For every seed stretches of weeks run through the same engine as ``replay``: one without attacks,
and one for each strength of every attack (some leave out the weak ones);
look-alikes are in all of them. The universities of the
evaluation (size, rates, calendar, time zone, seeds) are not the one the rules were tuned on, which
is ``--plan tuning``. Nothing is written but a temporary directory; with ``--keep DIR`` the counts
of each stretch are, and another run with the same directory tries other rules on them in a tenth
of the time. ``--kinds`` prints what is staged for each rule, and runs nothing.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console

from bench.detection.plan import EVALUATION, PLANS
from bench.detection.report import kinds, table, totals
from bench.detection.scoring import RuleScore, merge
from bench.detection.trial import Trial, judge


def main() -> None:
    """Run all stretches, some at a time, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.detection", description=__doc__)
    parser.add_argument("--days", type=int, default=None, help="instead of a plan's")
    parser.add_argument("--seeds", type=int, nargs="+", default=None, help="instead of a plan's")
    parser.add_argument("--plan", action="append", choices=PLANS, help="those of the evaluation")
    parser.add_argument("--keep", type=Path, default=None, help="keep counts, or take those kept")
    parser.add_argument("--rule", action="append", default=None, help="only these rules")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="stretches at a time")
    parser.add_argument("--kinds", action="store_true", help="print what is staged for each rule")
    given = parser.parse_args()
    if given.kinds:
        print("\n".join(kinds()))
        return
    plans = EVALUATION if given.plan is None else [PLANS[name] for name in given.plan]
    only = None if given.rule is None else tuple(given.rule)
    trials = [
        Trial(plan, given.days or plan.days, 4 * seed + number, strength, only, given.keep)
        for plan in plans
        for seed in given.seeds or plan.seeds
        for number, strength in enumerate(plan.strengths)
    ]
    console = Console(width=160, highlight=False)
    scores: dict[str, RuleScore] = {}
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        for lines, own in pool.map(judge, trials):
            console.print("\n".join(lines))
            merge(scores, own)
    quiet = sum(trial.days for trial in trials if trial.strength is None)
    for line in _summary(scores, quiet / 7):
        console.print(line)


def _summary(scores: dict[str, RuleScore], weeks: float) -> Iterator[str]:
    yield ""
    yield from table(scores, weeks)
    yield ""
    yield totals(scores)


if __name__ == "__main__":
    main()
