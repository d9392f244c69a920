"""Records of completeness added up by hour, and what they must be by what the topics hold."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from pipeline.codecs.schemas import Schemas
from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.domain.feeds import FEEDS, TIME_COLUMN, WEB_LOGS
from pipeline.domain.topics import COMPLETENESS, DEAD_LETTERS, ERASURES
from pipeline.engine.sessionize_task import INPUTS
from tests.support.memory_publisher import MemoryPublisher

SUMS = ("read", "published", "deletes", "dead", "repeated", "duplicates", "lag_sum")
Hours = dict[tuple[str, int], dict[str, Any]]


def added_up(records: Iterable[dict[str, Any]]) -> Hours:
    """Add records up as the view does: sums, OR, largest and smallest."""
    hours: Hours = {}
    for record in records:
        here = hours.setdefault((record["feed"], record["start"]), _nothing())
        for name in SUMS:
            here[name] += record[name]
        here["lag_max"] = max(here["lag_max"], record["lag_max"])
        here["minutes"] |= record["minutes"]
        for name, choose in (("first_at", min), ("last_at", max)):
            known = [at for at in (here[name], record[name]) if at is not None]
            here[name] = choose(known, default=None)
    return hours


def settled(publisher: MemoryPublisher, schemas: Schemas) -> Hours:
    """Return an agent's records added up; they must balance, and say what the topics hold."""
    records = publisher.records(COMPLETENESS.name, schemas)
    for record in records:
        parts = (record[name] for name in ("published", "deletes", "dead", "repeated"))
        assert record["read"] == sum(parts)
        assert record["duplicates"] == 0
    found = added_up(records)
    expected: dict[tuple[str, int], dict[str, int]] = defaultdict(
        lambda: {"published": 0, "deletes": 0, "dead": 0, "minutes": 0}
    )
    for feed in FEEDS:
        for row in publisher.records(INPUTS[feed].name, schemas):
            at = row[TIME_COLUMN[feed]]
            here = expected[feed, at // HOUR * HOUR]
            here["published"] += 1
            here["minutes"] |= 1 << at % HOUR // MINUTE
    for erasure in publisher.records(ERASURES.name, schemas):
        expected[WEB_LOGS, erasure["ingested_at"] // HOUR * HOUR]["deletes"] += 1
    for letter in publisher.records(DEAD_LETTERS.name, schemas):
        expected[letter["feed"], letter["happened_at"] // HOUR * HOUR]["dead"] += 1
    for hour, here in found.items():
        assert {name: here[name] for name in expected[hour]} == expected[hour], hour
    assert found.keys() == expected.keys()
    return found


def total(hours: Hours, name: str) -> int:
    """Return a count over all hours."""
    return sum(here[name] for here in hours.values())


def _nothing() -> dict[str, Any]:
    times = dict.fromkeys(("first_at", "last_at"))
    return {**dict.fromkeys((*SUMS, "lag_max", "minutes"), 0), **times}
