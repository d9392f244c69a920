"""Writes a folder in NAB's layout: series of four backgrounds, anomalies of six kinds.

``python -m bench.series.synthetic DIR [--seed N] [--kind KIND]``. Every series is 14 days of five
minutes with two anomalies of one kind after the first four days; their size is drawn anew for each.
"""

import argparse
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

ROWS: Final = 14 * 288
WINDOW: Final = 200
"""Rows of a labelled window: it begins a tenth of it before the anomaly."""

START: Final = datetime(2026, 1, 5, tzinfo=UTC)
STEP: Final = timedelta(minutes=5)

Values = np.ndarray[Any, np.dtype[np.float64]]
Dice = np.random.Generator


def _steady(dice: Dice) -> Values:
    return 50 + dice.normal(0, 2, ROWS)


def _daily(dice: Dice) -> Values:
    phase = 2 * np.pi * np.arange(ROWS) / 288
    return np.maximum(100 - 60 * np.cos(phase) + dice.normal(0, 6, ROWS), 0)


def _counts(dice: Dice) -> Values:
    hour = np.arange(ROWS) // 12 % 24
    return dice.poisson(np.where((hour >= 8) & (hour < 18), 30, 4)).astype(float)


def _wandering(dice: Dice) -> Values:
    steps = dice.standard_t(4, ROWS)
    values = np.zeros(ROWS)
    for row in range(1, ROWS):
        values[row] = 0.98 * values[row - 1] + steps[row]
    return 70 + 2 * values


BACKGROUNDS: Final[dict[str, Callable[[Dice], Values]]] = {
    "steady": _steady,
    "daily": _daily,
    "counts": _counts,
    "wandering": _wandering,
}


def _spike(values: Values, at: int, size: float, dice: Dice) -> None:
    values[at : at + int(dice.integers(1, 4))] += size


def _dip(values: Values, at: int, size: float, dice: Dice) -> None:
    rows = slice(at, at + int(dice.integers(6, 24)))
    values[rows] = np.minimum(values[rows], values.min()) - 0.3 * size


def _shift(values: Values, at: int, size: float, dice: Dice) -> None:
    values[at : at + int(dice.integers(150, 200))] += 0.7 * size


def _creep(values: Values, at: int, size: float, dice: Dice) -> None:
    rows = int(dice.integers(120, 180))
    values[at : at + rows] += np.linspace(0, 1.2 * size, rows)


def _noise(values: Values, at: int, size: float, dice: Dice) -> None:
    rows = int(dice.integers(60, 120))
    values[at : at + rows] += dice.normal(0, 0.5 * size, rows)


def _stuck(values: Values, at: int, size: float, dice: Dice) -> None:
    del size
    values[at : at + int(dice.integers(100, 180))] = values[at]


KINDS: Final[dict[str, Callable[[Values, int, float, Dice], None]]] = {
    "spike": _spike,
    "dip": _dip,
    "level shift": _shift,
    "slow creep": _creep,
    "noise burst": _noise,
    "stuck": _stuck,
}


def write(directory: Path, seed: int, kinds: list[str], each: int = 3) -> None:
    """Write ``each`` series of every background and kind, and their labels."""
    dice = np.random.default_rng(seed)
    labels: dict[str, list[list[str]]] = {}
    for kind in kinds:
        for background, make in BACKGROUNDS.items():
            for number in range(each):
                name = f"{kind.replace(' ', '_')}/{background}_{number}.csv"
                values = make(dice)
                size = float(dice.uniform(6, 12)) * float(np.abs(np.diff(values)).mean())
                places = [int(dice.integers(4 * 288, 8 * 288)), int(dice.integers(9 * 288, 3_800))]
                labels[name] = []
                for at in places:
                    KINDS[kind](values, at, size, dice)
                    labels[name].append([_time(at - WINDOW // 10), _time(at + WINDOW)])
                path = directory / "data" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                times = [_time(row) for row in range(ROWS)]
                pl.DataFrame({"timestamp": times, "value": values}).write_csv(path)
    (directory / "labels").mkdir(exist_ok=True)
    (directory / "labels" / "combined_windows.json").write_text(json.dumps(labels, indent=1))


def _time(row: int) -> str:
    return (START + min(row, ROWS - 1) * STEP).strftime("%Y-%m-%d %H:%M:%S")


def main() -> None:
    """Write one folder."""
    parser = argparse.ArgumentParser(prog="python -m bench.series.synthetic", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=KINDS, action="append", default=None)
    arguments = parser.parse_args()
    write(arguments.directory, arguments.seed, arguments.kind or list(KINDS))


if __name__ == "__main__":
    main()
