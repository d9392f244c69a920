"""Request stats of a simulation, counted the plain way from its rows and events."""

from collections import Counter, defaultdict

from pipeline.domain.event_time import MINUTE
from tests.support.minute_stats import Row, acting, requests
from tests.support.simulated import Simulated, micros

WRITES = {"POST", "PUT", "PATCH", "DELETE"}
SHARD = 10**13


def simulated_stats(simulated: Simulated) -> list[Row]:
    """Return stats of all minutes: all, controller_action and masquerader."""
    counts: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    people: dict[tuple[str, int, str], Counter[str]] = defaultdict(Counter)
    targets: dict[tuple[str, int, str], set[str]] = defaultdict(set)
    for row in simulated.rows():
        minute = micros(row["timestamp"]) // MINUTE
        action = row.get("web_application_action") or "unspecified"
        key = f"{row.get('web_application_controller') or 'unspecified'}#{action}"
        status = f"{int(row['http_status']) // 100}xx"
        for name in ("", key):
            counts[minute, name].update(("rows", status))
        _act(
            people, targets, "web_logs", minute,
            (row.get("real_user_id"), row.get("user_id"), row["http_method"]),
        )  # fmt: skip
    for event in simulated.events():
        meta = event["metadata"]
        minute = micros(meta["event_time"]) // MINUTE
        who = (meta.get("real_user_id"), meta.get("user_id"), meta.get("http_method"))
        _act(people, targets, "live_events", minute, who)
    stats = [
        requests(minute, key, count["rows"], count["5xx"], count["4xx"])
        for (minute, key), count in counts.items()
    ]
    stats += [
        acting(minute, actor, sorted(targets[feed, minute, actor]), c["writes"], c["rows"], feed)
        for (feed, minute, actor), c in people.items()
    ]
    return sorted(stats, key=lambda row: (row["minute"], row["dimension"], row["key"]))


def _act(
    people: dict[tuple[str, int, str], Counter[str]],
    targets: dict[tuple[str, int, str], set[str]],
    feed: str,
    minute: int,
    who: tuple[str | int | None, str | int | None, str | None],
) -> None:
    real, user, method = who
    if real is None or user is None or str(real) == str(user):
        return
    at = (feed, minute, str(int(real) % SHARD))
    people[at]["rows"] += 1
    people[at]["writes"] += method in WRITES
    targets[at].add(str(int(user) % SHARD))
