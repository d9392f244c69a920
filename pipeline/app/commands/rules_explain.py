"""``rules explain``: why an alert fired, from what ClickHouse holds of it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from rich.table import Table

from pipeline.app import wiring
from pipeline.app.printing import console
from pipeline.app.settings import Settings, load_settings
from pipeline.detect.rules import AnyRule
from pipeline.domain.errors import OurMistake
from pipeline.domain.event_time import HOUR, MICROS, MINUTE
from pipeline.engine.backtest import measure_of
from pipeline.sink.alert_reading import AlertReader
from pipeline.sink.client import client_of
from pipeline.sink.queries import Rows

Record = dict[str, Any]

DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY


def explain(named: str, settings: Settings | None = None) -> None:
    """Print the numbers of an alert, the baseline, what contributed, rows, and the query.

    ``named`` is the beginning of an episode id; a fingerprint is one. Raises OurMistake if it
    names no alert.
    """
    settings = settings or load_settings()
    out = console()
    rules = {rule.id: rule for rule in wiring.rules(settings)}
    with client_of(settings.clickhouse()) as client:
        reader = AlertReader(client, wiring.schemas(settings))
        found = reader.named(named.lower())
        if not found:
            raise OurMistake(f"{named} is the beginning of no alert's episode: see alerts list")
        record, others = found[0], found[1:]
        for line in _lines(record, rules.get(record["rule"])):
            out.print(line)
        for line in _level(reader, record, rules.get(record["rule"])):
            out.print(line)
        for feed, rows in reader.samples(record).items():
            out.print(f"sample rows of {feed}:")
            out.print(_table(rows))
    out.print(f"query:\n  {record['evidence_query']}")
    out.print(f"caveat: {record['caveat']}")
    if others:
        told = ", ".join(other["episode"] for other in others)
        out.print(f"older alerts with this beginning: {told}")


def _lines(record: Record, rule: AnyRule | None) -> Iterator[str]:
    yield f"{record['severity']}: {record['title']} ({record['rule']}, {record['status']})"
    yield f"episode {record['episode']}"
    yield f"about {record['dimension']} {record['key'] or '(the whole instance)'}"
    yield f"from {_text(record['window_start'])} to {_text(record['window_end'])}, " + (
        f"over since {_text(record['resolved_at'])}" if record["resolved_at"] else "not over yet"
    )
    yield record["explanation"]
    chance = record["probability"]
    odds = "" if chance is None else f", chance by accident {chance:.1e}"
    yield (
        f"observed {record['observed']:g}, usual {record['expected']:.3g}, "
        f"alarm from {record['threshold']:.3g}{odds}"
    )
    if record.get("baseline_days") is not None:
        yield f"the baseline had learned for {record['baseline_days']:g} days"
    if record["provisional"]:
        yield "provisional: rows may still come that change it"
    yield from _contributing(record)
    if rule is not None:
        yield f"why it matters: {rule.why}"
        version = record.get("rule_version")
        if version and version != rule.version:
            yield f"the rule was changed since: it is {rule.version}, the alert came of {version}"
    yield f"what to do: {record['action']}"


def _contributing(record: Record) -> Iterator[str]:
    pairs = list(zip(record["contributing_keys"], record["contributing_counts"], strict=True))
    whole = sum(count for _, count in pairs)
    if pairs:
        yield "contributing:"
    for key, count in pairs:
        yield f"  {key}: {count:,} ({count / whole:.0%} of these)" if whole else f"  {key}: {count}"


def _level(reader: AlertReader, record: Record, rule: AnyRule | None) -> Iterator[str]:
    """Say what the same stretch of time brought before: what a reader compares with."""
    column = "rows" if rule is None else measure_of(rule)
    length = -(-(record["window_end"] - record["window_start"]) // MINUTE) * MINUTE
    moments = {
        "then": 0,
        "just before": length,
        "a day before": DAY,
        "a week before": WEEK,
        "two weeks before": 2 * WEEK,
    }
    yield f"{column} of the same key, its minutes added up, in a stretch as long:"
    found = reader.sums(record, column, list(moments.values()))
    for when, sums in zip(moments, found, strict=True):
        told = "nothing stored" if sums is None else f"{sums[1]:,} ({sums[0]:,} rows)"
        yield f"  {when}: {told}"


def _table(rows: Rows) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in rows.columns:
        table.add_column(column, overflow="fold")
    for row in rows.rows:
        table.add_row(*(_cell(value) for value in row))
    return table


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "-" if value is None else str(value)


def _text(at: int) -> str:
    return datetime.fromtimestamp(at / MICROS, UTC).strftime("%Y-%m-%d %H:%M UTC")
