"""``rules backtest``: what rules would have said of the past, and what a change would change."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table

from pipeline.app import wiring
from pipeline.app.instants import instant
from pipeline.app.past_stats import FileStats, PastStats, StoredStats
from pipeline.app.printing import console
from pipeline.app.progress import counting
from pipeline.app.rule_files import chosen
from pipeline.app.rule_picture import picture
from pipeline.app.settings import Settings, load_settings
from pipeline.detect.rules import AnyRule, changed_rule
from pipeline.domain.errors import OurMistake
from pipeline.domain.event_time import HOUR, MICROS, MINUTE
from pipeline.domain.feeds import Feed
from pipeline.engine.backtest import (
    Backtest,
    Overlap,
    Pictured,
    Record,
    dimensions_of,
    overlap,
    with_whole,
)
from pipeline.sink.alert_reading import AlertReader
from pipeline.sink.client import client_of

DAY: Final = 24 * HOUR
SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Order:
    """What to judge by which rules; ``changes`` are parameters of the one rule that is named."""

    since: str | None = None
    until: str | None = None
    rules: Sequence[str] = ()
    changes: Mapping[str, str] = field(default_factory=dict)
    learn_days: int = 14
    files: Mapping[Feed, Sequence[str]] = field(default_factory=dict)
    out: Path | None = None


class Span(NamedTuple):
    """Minutes that are judged, [start, end), and since when is learned (microseconds)."""

    learned: int
    start: int
    end: int

    @property
    def days(self) -> float:
        """Length of what is judged."""
        return (self.end - self.start) / DAY


class Judged(NamedTuple):
    """Alerts of the rules as they are and, if something is changed, as they would be."""

    alerts: list[Record]
    changed: list[Record] | None
    pictures: Mapping[str, Pictured]


def changes(texts: Sequence[str]) -> dict[str, str]:
    """Return names and values of ``name=value`` texts; raises OurMistake for another text."""
    pairs = [text.partition("=") for text in texts]
    if wrong := [name for name, equals, _ in pairs if not (name and equals)]:
        raise OurMistake(f"--set takes parameter=value, not {wrong[0]!r}")
    return {name: value for name, _, value in pairs}


def backtest(order: Order, settings: Settings | None = None) -> Judged:
    """Judge the past and print what came of it."""
    settings = settings or load_settings()
    known = wiring.rules(settings)
    asked = chosen(known, order.rules) if order.rules else [r for r in known if r.state != "off"]
    if order.changes and len(asked) != 1:
        raise OurMistake("--set changes one rule: name it with --rule")
    schemas = wiring.schemas(settings)
    with ExitStack() as stack:
        recorded: list[Record] | None = None
        past: PastStats
        if any(order.files.values()):
            files = stack.enter_context(FileStats(settings, schemas))
            with counting("reading files", "rows") as progressed:
                asyncio.run(files.read(order.files, progressed))
            past = files
            span = _span(order, past)
        else:
            client = stack.enter_context(client_of(settings.clickhouse()))
            reader = AlertReader(client, schemas)
            past = StoredStats(reader)
            span = _span(order, past)
            recorded = reader.alerts(span.start, span.end)
        judged = _judge(known, asked, order, past, span)
    _report(asked, order, span, judged, recorded)
    if order.out is not None:
        _write(order.out, asked, span, judged, recorded or [])
    return judged


def _span(order: Order, past: PastStats) -> Span:
    there = past.extent()
    start = instant("--since", order.since) // MINUTE * MINUTE if order.since else there.start
    end = min(instant("--until", order.until) if order.until else there.end, there.end)
    if start >= end:
        raise OurMistake(
            f"No minute from {_text(start)} on is final before {_text(end)}; "
            f"final are {_text(there.start)} to {_text(there.end)}."
        )
    return Span(max(there.start, start - order.learn_days * DAY), max(start, there.start), end)


def _judge(
    known: Sequence[AnyRule], asked: Sequence[AnyRule], order: Order, past: PastStats, span: Span
) -> Judged:
    rules = with_whole(known, asked)
    runs = [Backtest(rules, span.start)]
    if order.changes:
        changed = changed_rule(asked[0], order.changes)
        others = [changed if rule.id == changed.id else rule for rule in known]
        runs.append(Backtest(with_whole(others, [changed]), span.start))
    pictures = {rule.id: Pictured(rule, span.start, span.end) for rule in asked}
    with counting("judging", "days") as progressed:
        days = past.days(span.learned, span.end, dimensions_of(rules))
        for number, day in enumerate(days):
            for run in runs:
                run.add(day.stats, day.through)
            if order.out is not None:
                for one in pictures.values():
                    one.add(day.stats)
            progressed(number + 1)
    ids = {rule.id for rule in asked}
    alerts = [[one for one in run.alerts() if one["rule"] in ids] for run in runs]
    return Judged(alerts[0], alerts[1] if order.changes else None, pictures)


def _report(
    asked: Sequence[AnyRule],
    order: Order,
    span: Span,
    judged: Judged,
    recorded: Sequence[Record] | None,
) -> None:
    out = console()
    learned = (span.start - span.learned) / DAY
    out.print(
        f"{_text(span.start)} to {_text(span.end)}: {span.days:.2f} days, "
        f"learned from {learned:.2f} days before"
    )
    near = {rule.id: rule.parameters.quiet_min * MINUTE for rule in asked}
    told = None if recorded is None else [r for r in recorded if r["status"] != "retracted"]
    out.print(_table(asked, span, judged.alerts, told, near))
    per_day = Counter(_text(one["window_start"])[:10] for one in judged.alerts)
    if per_day:
        out.print("per day: " + ", ".join(f"{day}: {n}" for day, n in sorted(per_day.items())))
    _lines(out, "", judged.alerts)
    if judged.changed is not None:
        changes = ", ".join(f"{name}={value}" for name, value in order.changes.items())
        found = overlap(judged.alerts, judged.changed, near)
        out.print(
            f"with {changes}: {len(judged.changed)} alerts; {len(found.both)} the same, "
            f"{len(found.only_first)} no more, {len(found.only_second)} new"
        )
        _lines(out, "no more: ", found.only_first)
        _lines(out, "new: ", found.only_second)


def _table(
    asked: Sequence[AnyRule],
    span: Span,
    alerts: Sequence[Record],
    recorded: Sequence[Record] | None,
    near: Mapping[str, int],
) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("rule", "state", "alerts", "per day", "recorded", "both"):
        table.add_column(column, justify="left" if column in {"rule", "state"} else "right")
    for rule in asked:
        own = [one for one in alerts if one["rule"] == rule.id]
        cells = ["-", "-"]
        if recorded is not None:
            found: Overlap = overlap(own, [r for r in recorded if r["rule"] == rule.id], near)
            cells = [str(len(found.both) + len(found.only_second)), str(len(found.both))]
        table.add_row(rule.id, rule.state, str(len(own)), f"{len(own) / span.days:.2f}", *cells)
    return table


def _lines(out: Console, before: str, alerts: Sequence[Record]) -> None:
    for one in alerts[:SHOWN]:
        out.print(
            f"  {before}{_text(one['window_start'])} to {_text(one['window_end'])[11:]} "
            f"{one['rule']} {one['key'] or 'all'}: {one['observed']:g}, "
            f"usual {one['expected']:.3g}, alarm from {one['threshold']:.3g}"
        )
    if len(alerts) > SHOWN:
        out.print(f"  {before}and {len(alerts) - SHOWN} more; --out writes all")


def _write(
    out: Path, asked: Sequence[AnyRule], span: Span, judged: Judged, recorded: Sequence[Record]
) -> None:
    """Write all alerts as JSON lines, and a picture per rule."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "alerts.jsonl").open("w", encoding="utf-8") as file:
        for one in judged.alerts:
            file.write(json.dumps(_readable(one), ensure_ascii=False) + "\n")
    for rule in asked:
        own = [one for one in judged.alerts if one["rule"] == rule.id]
        then = [r for r in recorded if r["rule"] == rule.id and r["status"] != "retracted"]
        keys = Counter(one["key"] for one in (*own, *then))
        series = judged.pictures[rule.id].series([key for key, _ in keys.most_common()])
        text = picture(rule.title, series, (span.start, span.end), own, then)
        (out / f"{rule.id}.svg").write_text(text, encoding="utf-8")
    console().print(f"alerts and {len(asked)} pictures are in {out}")


def _readable(record: Record) -> dict[str, Any]:
    times = ("window_start", "window_end", "opened_at", "updated_at", "resolved_at")
    texts = {name: _text(record[name]) for name in times if record[name] is not None}
    return {name: value for name, value in record.items() if name != "version"} | texts


def _text(at: int) -> str:
    return datetime.fromtimestamp(at / MICROS, UTC).strftime("%Y-%m-%dT%H:%MZ")
