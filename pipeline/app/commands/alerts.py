"""``alerts list|show|ack|unack|silence|unsilence``."""

import asyncio
import getpass
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from pipeline.app import wiring
from pipeline.app.instants import instant
from pipeline.app.logs import set_up_logs
from pipeline.app.notify.acting import publish_actions, read_decisions
from pipeline.app.settings import Settings, load_settings
from pipeline.domain.alerts import (
    ACK,
    ALL,
    RULE,
    SILENCE,
    UNACK,
    UNDELIVERED,
    UNSILENCE,
    Action,
    Decisions,
)
from pipeline.domain.errors import OurMistake, SettingsError
from pipeline.domain.event_time import HOUR, MICROS, MINUTE
from pipeline.ingest.clock import wall_clock
from pipeline.sink.alerts import (
    AlertChoice,
    AlertLine,
    actions_about,
    alert_lines,
    whole_alert,
)
from pipeline.sink.client import client_of

UNITS: Final = {"m": MINUTE, "h": HOUR, "d": 24 * HOUR}
WIDE: Final = 240
_TIME: Final = "%Y-%m-%d %H:%M"


def list_alerts(choice: AlertChoice, limit: int) -> None:
    """Print alerts, the latest first, and what was decided about each; then all silences."""
    settings = load_settings()
    set_up_logs(settings)
    # In a file or a pipe no line is broken, so that an episode can be searched for.
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else WIDE)
    known = wiring.schemas(settings)
    decisions = asyncio.run(read_decisions(settings.kafka(), known))
    with client_of(settings.clickhouse()) as client:
        lines = alert_lines(client, choice, limit)
    table = Table(box=None, pad_edge=False)
    table.add_column("episode", no_wrap=True)
    for column in ("severity", "status", "window (UTC)", "rule", "title", "decided"):
        table.add_column(column, overflow="fold")
    now = wall_clock()
    for line in lines:
        window = f"{line.window_start:{_TIME}} to {line.window_end:%H:%M}"
        decided = ", ".join(_decided(decisions, line, now))
        texts = (line.severity, line.status, window, line.rule, line.title, decided)
        table.add_row(line.episode, *texts)
    if lines:
        console.print(table)
    console.print(f"{len(lines):,} alerts")
    for silence in _silences(decisions, now):
        console.print(f"silence: {silence}", soft_wrap=True)


def show(named: str) -> None:
    """Print everything known of one alert: its record, what was done, what was not delivered."""
    settings = load_settings()
    set_up_logs(settings)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    with client_of(settings.clickhouse()) as client:
        line = _one(alert_lines(client, AlertChoice(named=named, over=True), 2), named)
        alert = whole_alert(client, line.episode)
        actions = actions_about(client, line.fingerprint, line.rule)
    for name, value in alert.items():
        if value not in ("", None, []):
            console.print(f"{name}: {value}")
    for action in actions:
        console.print(_history(action))


def decide(
    named: str,
    action: str,
    *,
    why: str,
    who: str | None,
    until: str | None = None,
    lasting: str | None = None,
    begin: str | None = None,
) -> None:
    """Publish an acknowledgement or a silence, or the end of one; print what was done.

    ``named`` is the beginning of an episode, a whole fingerprint, ``rule:<id>`` or ``*``.
    Raises SettingsError for times that are none, OurMistake if no one alert is meant.
    """
    settings = load_settings()
    set_up_logs(settings)
    now = wall_clock()
    begins_at = None if begin is None else instant("--from", begin)
    ends_at = _end(until, lasting, now if begins_at is None else begins_at)
    if action == SILENCE and ends_at is None:
        raise SettingsError("say how long: --for 2h, or --until with an instant")
    subject, episode = _subject(settings, named)
    done = Action(
        fingerprint=subject,
        action=action,
        who=who or getpass.getuser(),
        why=why,
        until=ends_at,
        acted_at=now,
        begins_at=begins_at,
        episode=episode if action == ACK else None,
    )
    transactional_id = f"{settings.app_id}-alerts"
    known = wiring.schemas(settings)
    asyncio.run(publish_actions(settings.kafka(transactional_id), transactional_id, known, [done]))
    Console(highlight=False, markup=False, soft_wrap=True).print(_spoken(done))


def _subject(settings: Settings, named: str) -> tuple[str, str | None]:
    if named == ALL:
        return named, None
    if named.startswith(RULE):
        ids = {rule.id for rule in wiring.rules(settings)}
        if named.removeprefix(RULE) not in ids:
            raise OurMistake(f"there is no rule {named.removeprefix(RULE)}")
        return named, None
    if re.fullmatch(r"[0-9a-f]{32}", named):
        return named, None
    with client_of(settings.clickhouse()) as client:
        line = _one(alert_lines(client, AlertChoice(named=named, over=True), 2), named)
    return line.fingerprint, line.episode


def _one(lines: list[AlertLine], named: str) -> AlertLine:
    if len(lines) == 1:
        return lines[0]
    what = "is the beginning of more than one alert" if lines else "is no alert"
    raise OurMistake(f"{named} {what}: see alerts list --all")


def _end(until: str | None, lasting: str | None, begin: int) -> int | None:
    if until is not None and lasting is not None:
        raise SettingsError("--for and --until say the same: give one of them")
    if until is not None:
        end = instant("--until", until)
    elif lasting is not None:
        found = re.fullmatch(r"(\d+)([mhd])", lasting)
        if found is None:
            raise SettingsError(f"--for {lasting} is no time; write it like 30m, 2h or 7d")
        end = begin + int(found[1]) * UNITS[found[2]]
    else:
        return None
    if end <= begin:
        raise SettingsError("the silence ends before it begins")
    return end


def _decided(decisions: Decisions, line: AlertLine, now: int) -> list[str]:
    alert: Mapping[str, Any] = line._asdict()
    said = []
    if (silence := decisions.silence_of(alert, now)) is not None:
        said.append(f"silenced by {silence.who}")
    if (ack := decisions.ack_of(alert)) is not None:
        said.append(f"acknowledged by {ack.who}")
    said += [
        f"not delivered by {one.channel}"
        for one in decisions.about(alert)
        if one.action == UNDELIVERED and one.episode == line.episode
    ]
    return said


def _silences(decisions: Decisions, now: int) -> list[str]:
    return [
        _spoken(one)
        for one in decisions.all()
        if one.action == SILENCE and (one.until is None or one.until > now)
    ]


def _spoken(action: Action) -> str:
    words = {
        ACK: "acknowledged",
        UNACK: "no longer acknowledged",
        SILENCE: "silenced",
        UNSILENCE: "no longer silenced",
    }
    parts = [f"{action.fingerprint} {words[action.action]} by {action.who}"]
    if action.begins_at is not None:
        parts.append(f"from {_readable(action.begins_at)}")
    if action.until is not None:
        parts.append(f"until {_readable(action.until)}")
    return f"{' '.join(parts)}: {action.why}"


def _history(action: Mapping[str, Any]) -> str:
    about = f" ({action['channel']})" if action["channel"] else ""
    until = f" until {action['until']:{_TIME}} UTC" if action["until"] else ""
    when = f"{action['acted_at']:{_TIME}} UTC"
    return f"{when}: {action['action']}{about}{until} by {action['who']}: {action['why']}"


def _readable(at: int) -> str:
    return f"{datetime.fromtimestamp(at / MICROS, UTC):{_TIME}} UTC"
