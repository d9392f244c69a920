"""What a newcomer wants to see, printed; and whether it is as it should be."""

import sys
from pathlib import Path
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

from pipeline.app.demo.conservation import differences
from pipeline.app.demo.day import Day
from pipeline.app.demo.found import Alert, Findings, match, read_attacks
from pipeline.app.demo.queries import ANOMALIES, QUESTIONS, TOP_SESSIONS, Question
from pipeline.domain.feeds import LIVE_EVENTS, WEB_LOGS, Feed
from pipeline.simulator.files import LABELS
from pipeline.sink.client import client_of
from pipeline.sink.queries import Rows, query

TABLE_OF: Final = {
    "canvas.web_logs.v1": "web_logs",
    "canvas.live_events.v1": "live_events",
    "canvas.sessions.v1": "sessions",
    "canvas.request_stats.v1": "request_stats",
    "canvas.anomalies.v1": "anomalies",
    "canvas.late.v1": "late_rows",
    "canvas.dead_letters.v1": "dead_letters",
    "canvas.erasures.v1": "erasures",
}

IDS: Final = frozenset({"actor", "person"})
"""Columns of the questions that are names and not numbers."""


def show(day: Day, console: Console, *, stays_up: bool) -> bool:
    """Print everything; return whether the totals add up and the alarms are right."""
    with client_of(day.settings.clickhouse()) as client:
        problems = _conservation(day, console)
        anomalies = query(client, ANOMALIES)
        problems += _alarms(day, anomalies, console)
        for question in (TOP_SESSIONS, *QUESTIONS):
            _answer(question, query(client, question.sql), console)
    _times(day, console)
    _how_to_go_on(day, console, stays_up=stays_up)
    for problem in problems:
        console.print(f"[bold red]wrong:[/] {problem}")
    return not problems


def _conservation(day: Day, console: Console) -> list[str]:
    """Print rows in and out of every step; return what does not add up."""
    rows = _table("step", "feed", "in", "out", "")
    problems = _conserved(WEB_LOGS, day.simulated.web_log_lines, day, rows)
    problems += _conserved(LIVE_EVENTS, day.simulated.live_event_lines, day, rows)
    for topic, table in TABLE_OF.items():
        held = day.topics[topic]
        rows.add_row(
            "sink",
            table,
            f"{held.records:,}",
            f"{day.tables[table]:,}",
            "rows; copies, older versions and erased ones left out",
        )
    stored = {topic: day.tables[table] for topic, table in TABLE_OF.items()}
    problems += differences(day.topics, stored)
    console.print()
    console.print("[bold]Rows in and out of every step[/]")
    console.print(rows)
    if not problems:
        console.print("Every row is accounted for, from the files to ClickHouse.")
    return problems


def _conserved(feed: Feed, lines: int, day: Day, rows: Table) -> list[str]:
    """Add a feed's way into sessions to the table; return what does not add up."""
    totals, tally = day.ingested[feed], day.tallies[feed]
    rows.add_row("simulate", feed, "", f"{lines:,}", "lines in files")
    rows.add_row(
        "ingest",
        feed,
        f"{totals.read:,}",
        f"{totals.published:,}",
        f"published; {totals.deletes:,} deletes, {totals.dead:,} dead letters",
    )
    rows.add_row(
        "sessionize",
        feed,
        f"{tally.consumed:,}",
        f"{tally.in_sessions:,}",
        f"in sessions; {tally.without_session:,} without session, {tally.late:,} late, "
        f"{tally.duplicates:,} duplicates",
    )
    problems = []
    if totals.read != lines:
        problems.append(f"{feed}: {lines:,} lines written, {totals.read:,} read")
    if totals.read != totals.published + totals.deletes + totals.dead:
        problems.append(f"{feed}: ingest read more or less than it accounts for")
    if tally.consumed != totals.published or not tally.balanced():
        problems.append(f"{feed}: sessionize does not account for every published row")
    return problems


def _alarms(day: Day, anomalies: Rows, console: Console) -> list[str]:
    """Print the anomalies; return attacks that were missed and alarms without an attack."""
    records = [dict(zip(anomalies.columns, row, strict=True)) for row in anomalies.rows]
    attacks = read_attacks(day.files / LABELS)
    findings = match(attacks, [_alert(record) for record in records])
    console.print()
    console.print("[bold]Anomalies[/]")
    for record in records:
        console.print(
            f"[bold]{record['title']}[/]  ({record['rule']}, {record['severity']}, "
            f"{record['status']})",
            highlight=False,
        )
        console.print(f"  {record['explanation']}", highlight=False)
    console.print(_verdict(findings), highlight=False)
    return [f"attack {name} was missed" for name in findings.missed] + [
        f"alarm without an attack: {alert.rule} {alert.dimension} {alert.key}"
        for alert in findings.false
    ]


def _verdict(findings: Findings) -> str:
    found = len(findings.found) - len(findings.missed)
    return (
        f"{found} of {len(findings.found)} injected attacks found, "
        f"{len(findings.false)} other alarms."
    )


def _alert(record: dict[str, Any]) -> Alert:
    return Alert(record["rule"], record["dimension"], record["key"], record["start"], record["end"])


def _answer(question: Question, rows: Rows, console: Console) -> None:
    console.print()
    console.print(f"[bold]{question.title}[/]")
    console.print(f"[dim]{question.sql}[/]", highlight=False)
    table = _table(*rows.columns)
    for row in rows.rows:
        table.add_row(
            *(
                str(value) if name in IDS else _shown(value)
                for name, value in zip(rows.columns, row, strict=True)
            )
        )
    console.print(table)


def _times(day: Day, console: Console) -> None:
    console.print()
    parts = [f"{name} {seconds:.0f} s" for name, seconds in day.steps.items()]
    console.print("Time: " + ", ".join(parts), highlight=False)


def _how_to_go_on(day: Day, console: Console, *, stays_up: bool) -> None:
    clickhouse, database = day.stack.clickhouse, day.settings.clickhouse_database
    program = Path(sys.executable)
    console.print()
    console.print("[bold]Try your own[/]")
    if not stays_up:
        console.print(
            f"  first: {program.with_name('canvas-telemetry')} local up "
            f"--data-dir {day.files.parent / 'stack'}",
            highlight=False,
            soft_wrap=True,
        )
    console.print(
        f"  curl '{clickhouse.url}/?database={database}&default_format=PrettyCompact' "
        "--data-binary 'SHOW TABLES'\n"
        f'  {program} -c "import clickhouse_connect as c; print(c.get_client('
        f"host='{clickhouse.host}', port={clickhouse.port}, database='{database}')"
        ".query('SHOW TABLES').result_rows)" + '"\n'
        f"  Kafka:  {day.stack.kafka.bootstrap_servers}\n"
        f"  data:   {day.files.parent}",
        highlight=False,
        soft_wrap=True,
    )


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _shown(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "strftime") else str(value)
