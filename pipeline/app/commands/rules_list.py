"""``rules list``: what is looked for, and what came of it lately."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from rich.table import Table

from pipeline.app import wiring
from pipeline.app.printing import console
from pipeline.app.settings import Settings, load_settings
from pipeline.domain.errors import Unavailable
from pipeline.domain.event_time import HOUR, MICROS
from pipeline.sink.alert_reading import AlertCount, AlertReader
from pipeline.sink.client import client_of

DAY: Final = 24 * HOUR

COLUMNS: Final = (
    *("rule", "state", "severity", "detector", "dimension", "owner"),
    *("alerts", "open", "withdrawn", "last"),
)


def list_rules(days: int, settings: Settings | None = None) -> None:
    """Print every rule with its alerts of the last ``days``; counts need ClickHouse.

    Rules that have alerts and no file any more are listed too, as gone.
    """
    settings = settings or load_settings()
    rules = wiring.rules(settings)
    since = time.time_ns() // 1000 - days * DAY
    found, trouble = _counts(settings, since)
    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for rule in rules:
        cells = (rule.state, rule.severity, rule.detector, rule.dimension, rule.owner or "-")
        counted = None if found is None else found.pop(rule.id, AlertCount(rule.id, 0, 0, 0, 0))
        # What a rule on trial would say is never published: see rules backtest.
        table.add_row(rule.id, *cells, *_cells(counted if rule.state != "shadow" else None))
    for gone in (found or {}).values():
        table.add_row(gone.rule, "gone", "-", "-", "-", "-", *_cells(gone))
    out = console()
    out.print(table)
    out.print(f"{len(rules)} rules; alerts of the last {days} days{trouble}")


def _counts(settings: Settings, since: int) -> tuple[dict[str, AlertCount] | None, str]:
    try:
        with client_of(settings.clickhouse()) as client:
            reader = AlertReader(client, wiring.schemas(settings))
            found: Mapping[str, AlertCount] = {c.rule: c for c in reader.alert_counts(since)}
            return dict(found), ""
    except Unavailable as error:
        return None, f" are not known: {error}"


def _cells(count: AlertCount | None) -> tuple[str, str, str, str]:
    if count is None:
        return ("-", "-", "-", "-")
    last = datetime.fromtimestamp(count.last // MICROS, UTC)
    when = f"{last:%Y-%m-%d %H:%M}" if count.alerts or count.withdrawn else "-"
    return (str(count.alerts), str(count.open), str(count.withdrawn), when)
