"""Reads a folder in NAB's layout: CSV files of timestamp and value, and their labelled windows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl

from bench.series.nab_score import Labelled, Window

LABELS: Final = ("labels/combined_windows.json", "combined_windows.json", "labels.json")


class Series(NamedTuple):
    """A series: its name in the labels, seconds since the epoch, values, windows."""

    name: str
    times: np.ndarray[Any, np.dtype[np.int64]]
    values: np.ndarray[Any, np.dtype[np.float64]]
    labelled: Labelled


def read_folder(directory: Path) -> Iterator[Series]:
    """Yield every labelled series that is there, in the order of the labels.

    Raises FileNotFoundError without labels, ValueError if not one labelled file is there.
    """
    labels = _labels(directory)
    found = 0
    for name, windows in labels.items():
        path = next((p for p in (directory / "data" / name, directory / name) if p.exists()), None)
        if path is not None:
            found += 1
            yield _series(name, path, windows)
    if not found:
        raise ValueError(f"none of the {len(labels)} labelled files is in {directory}")


def _labels(directory: Path) -> dict[str, list[list[str]]]:
    for name in LABELS:
        if (directory / name).exists():
            labels: dict[str, list[list[str]]] = json.loads((directory / name).read_text())
            return labels
    raise FileNotFoundError(f"{directory} has no labels: none of {', '.join(LABELS)}")


def _series(name: str, path: Path, windows: list[list[str]]) -> Series:
    frame = pl.read_csv(path, columns=["timestamp", "value"], truncate_ragged_lines=True)
    times = _seconds(frame["timestamp"])
    values = frame["value"].cast(pl.Float64).to_numpy()
    return Series(name, times, values, Labelled(len(times), _windows(times, windows)))


def _windows(times: np.ndarray[Any, Any], windows: list[list[str]]) -> list[Window]:
    rows = []
    for limits in windows:
        first, last = _seconds(pl.Series(limits)).tolist()
        begin = int(np.searchsorted(times, first))
        end = int(np.searchsorted(times, last, side="right")) - 1
        if begin <= end:
            rows.append(Window(begin, end))
    return sorted(rows)


def _seconds(texts: pl.Series) -> np.ndarray[Any, np.dtype[np.int64]]:
    return texts.str.to_datetime(time_unit="us").dt.epoch("s").to_numpy()
