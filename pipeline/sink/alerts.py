"""Alerts as operators look for them, and what was done about one."""

from datetime import datetime
from typing import Any, Final, NamedTuple

from clickhouse_connect.driver.client import Client

from pipeline.sink.queries import query

_COLUMNS: Final = (
    *("episode", "fingerprint", "rule", "severity", "status", "title", "dimension", "key"),
    *("window_start", "window_end", "resolved_at", "provisional", "suppressed"),
)


class AlertLine(NamedTuple):
    """One alert, shortly."""

    episode: str
    fingerprint: str
    rule: str
    severity: str
    status: str
    title: str
    dimension: str
    key: str
    window_start: datetime
    window_end: datetime
    resolved_at: datetime | None
    provisional: bool
    suppressed: int


class AlertChoice(NamedTuple):
    """Which alerts: all conditions hold together. ``over``: also those that do not go on."""

    named: str | None = None
    rule: str | None = None
    severity: str | None = None
    since: datetime | None = None
    over: bool = False

    @property
    def conditions(self) -> tuple[str, dict[str, Any]]:
        """Return a condition in SQL and its parameters."""
        parts, values = [], {}
        texts = {
            "named": "startsWith(episode, {named:String})",
            "rule": "rule = {rule:String}",
            "severity": "severity = {severity:String}",
            "since": "window_end >= {since:DateTime64(6, 'UTC')}",
        }
        for name, text in texts.items():
            if (value := getattr(self, name)) is not None:
                parts.append(text)
                values[name] = value
        if not self.over:
            parts.append("resolved_at IS NULL AND status != 'retracted'")
        return " AND ".join(parts) or "true", values


def alert_lines(client: Client, choice: AlertChoice, limit: int) -> list[AlertLine]:
    """Return the chosen alerts, the latest first. Raises Unavailable, OurMistake."""
    conditions, values = choice.conditions
    columns = ", ".join(f"`{name}`" for name in _COLUMNS)
    statement = (
        f"SELECT {columns} FROM anomalies WHERE {conditions}"  # noqa: S608 - ours
        f" ORDER BY window_start DESC, episode LIMIT {int(limit)}"
    )
    return [AlertLine(*row) for row in query(client, statement, values).rows]


def whole_alert(client: Client, episode: str) -> dict[str, Any]:
    """Return all fields of one alert by name."""
    found = query(
        client, "SELECT * FROM anomalies WHERE episode = {episode:String}", {"episode": episode}
    )
    return dict(zip(found.columns, found.rows[0], strict=True))


def actions_about(client: Client, fingerprint: str, rule: str) -> list[dict[str, Any]]:
    """Return everything that was ever done about an alert, oldest first."""
    found = query(
        client,
        "SELECT * FROM alert_actions WHERE fingerprint IN ({fingerprint:String},"
        " {rule:String}, '*') ORDER BY acted_at",
        {"fingerprint": fingerprint, "rule": f"rule:{rule}"},
    )
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]
