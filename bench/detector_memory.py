"""Memory of what detectors learn per key: ``python -m bench.detector_memory [--keys N]``.

Each kind of baseline learns the keys once, texts included; what the interpreter allocated for them
(tracemalloc) is divided by their number. A rule keeps at most ``max_keys``; the bound is tried with
a tenth of the keys.
"""

import argparse
import tracemalloc
from collections.abc import Callable
from typing import Any

from pipeline.detect.after_end import State
from pipeline.detect.bounded_keys import BoundedKeys
from pipeline.detect.first_seen import Known
from pipeline.detect.help_baseline import FadingMean
from pipeline.detect.levels import LevelModel, Levels
from pipeline.detect.share_baseline import ShareBaseline
from pipeline.detect.somewhere_new import Known as Visitor

BLOCK = 15
MEMBERS = 3


def levels(keys: int, most: int) -> Any:
    """Return levels of counts: count_burst, change_point, absence."""
    model = LevelModel(BLOCK, 1, 0.5, 0.25, 1, 10_080, 43_200, most, seasonal=True, trend=True)
    learned = Levels(model)
    for start in range(10):
        counts = {f"network-{n}": 3 for n in range(start, keys, 10)}
        learned.learn(start * BLOCK, counts, alive=True, left_out=frozenset())
        learned.keys.changed.clear()
    return learned


def bounded(make: Callable[[int], Any]) -> Callable[[int, int], Any]:
    """Return a maker of a baseline per key."""

    def made(keys: int, most: int) -> Any:
        learned: BoundedKeys[Any] = BoundedKeys(most, 43_200)
        for n in range(keys):
            learned.renew(f"network-{n}", make(n))
            if n % 1000 == 0:
                learned.changed.clear()
                learned.evict(BLOCK)
        learned.changed.clear()
        learned.evict(BLOCK)
        learned.changed.clear()
        return learned

    return made


def known(n: int) -> Known:
    """Return a key with a few members."""
    seen = Known(n, BLOCK, n + 0.1, n + 0.2)
    seen.members = {f"member-{n}-{i}": n + i for i in range(MEMBERS)}
    return seen


def somebody(n: int) -> Visitor:
    """Return somebody who was at a few places."""
    return Visitor(n, BLOCK, n, {f"network-{n}-{i}": n + i for i in range(MEMBERS)})


KINDS: dict[str, Callable[[int, int], Any]] = {
    "count_burst, change_point, absence": levels,
    "ratio": bounded(lambda n: ShareBaseline(n + 0.1, n + 0.2, n + 0.3, n + 0.4, BLOCK)),
    "fan_out": bounded(lambda n: FadingMean(n + 0.1, n + 0.2, BLOCK)),
    f"first_seen, {MEMBERS} members": bounded(known),
    f"sequence with new_in, {MEMBERS} places": bounded(somebody),
    "after_end": bounded(lambda n: State(n + 1_000, None, n + 1_000)),
}


def main() -> None:
    """Print bytes per key of each kind, and how many keys a bound leaves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    keys = parser.parse_args().keys
    for name, make in KINDS.items():
        tracemalloc.start()
        learned = make(keys, keys)
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        kept = make(keys // 10, keys // 100)
        held = len(kept.keys) if isinstance(kept, Levels) else len(kept)
        print(f"{name}: {used / keys:,.0f} bytes a key; bound of {keys // 100:,}: {held:,} kept")
        del learned


if __name__ == "__main__":
    main()
