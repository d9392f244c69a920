"""The catalogue of metrics: every metric once. ``docs/operations.md`` has the same table.

Values are read from the running objects when a scraper asks, or were counted once per commit;
nothing is counted per row for their sake. See ``pipeline.app.observing``.
"""

from typing import Final, Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram"]

PREFIX: Final = "canvas_telemetry_"


class Metric(NamedTuple):
    """One metric; ``name`` is without the prefix, and without a counter's ``_total``."""

    name: str
    kind: Kind
    unit: str
    help: str
    labels: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """The name as it is scraped."""
        return f"{PREFIX}{self.name}{'_total' if self.kind == 'counter' else ''}"


CHUNKS: Final = Metric("chunks", "counter", "chunks", "Chunks the consumer delivered.", ("stage",))
RECORDS: Final = Metric(
    "records", "counter", "records", "Records the consumer delivered.", ("stage",)
)
REBALANCES: Final = Metric(
    "rebalances", "counter", "rebalances", "Revocations of all partitions.", ("stage",)
)
ASSIGNED: Final = Metric(
    "assigned_partitions", "gauge", "partitions", "Partitions this worker has now.", ("stage",)
)
LAG: Final = Metric(
    "lag",
    "gauge",
    "offsets",
    "Offsets up to the last stable one that are not committed, markers included.",
    ("stage", "topic", "partition"),
)
HELD_BACK: Final = Metric(
    "held_back",
    "gauge",
    "offsets",
    "Offsets beyond the last stable one: what open transactions keep from every reader.",
    ("stage", "topic", "partition"),
)
STALLED: Final = Metric(
    "stalled",
    "gauge",
    "seconds",
    "How long a partition has had lag, or offsets held back, without progress; else 0.",
    ("stage", "topic", "partition"),
)
READY: Final = Metric(
    "ready", "gauge", "0 or 1", "Whether every assigned partition is open.", ("stage",)
)

COMMIT_SECONDS: Final = Metric(
    "commit_seconds", "histogram", "seconds", "Time of one transaction.", ("stage",)
)
COMMITTED_ROWS: Final = Metric(
    "committed_rows", "counter", "rows", "Rows that went into transactions.", ("stage",)
)
TRANSACTION_RECORDS: Final = Metric(
    "transaction_records",
    "counter",
    "records",
    "Records written in committed transactions.",
    ("stage", "topic"),
)
TRANSACTION_FAILURES: Final = Metric(
    "transaction_failures",
    "counter",
    "transactions",
    "Transactions that were fenced or got no answer.",
    ("stage",),
)
RESTORES: Final = Metric("restores", "counter", "tasks", "Tasks opened and restored.", ("stage",))
RESTORE_SECONDS: Final = Metric(
    "restore_seconds", "counter", "seconds", "Time these openings took together.", ("stage",)
)
RESTORE_LONGEST: Final = Metric(
    "restore_longest_seconds", "gauge", "seconds", "The longest of them.", ("stage",)
)
OPEN_RETRIES: Final = Metric(
    "open_retries", "counter", "tries", "Openings that had to be tried again.", ("stage",)
)
KEPT: Final = Metric(
    "kept_tasks", "counter", "tasks", "Tasks that kept their state through a rebalance.", ("stage",)
)
LOST: Final = Metric(
    "lost_tasks", "counter", "tasks", "Tasks lost to others or to silent brokers.", ("stage",)
)
FENCED: Final = Metric(
    "fenced_tasks",
    "counter",
    "tasks",
    "Tasks whose transaction was refused: another worker had taken them over.",
    ("stage",),
)

ROWS: Final = Metric(
    "rows",
    "counter",
    "rows",
    "Where the rows of a feed went, since the topics were made: in_sessions, without_session, "
    "late, duplicates, dead; consumed is their sum.",
    ("feed", "partition", "outcome"),
)
LATE_ROWS: Final = Metric(
    "late_rows",
    "counter",
    "rows",
    "Late rows by reason: late (behind the limit), time (a date that cannot be).",
    ("feed", "partition", "reason"),
)
OPEN_SESSIONS: Final = Metric(
    "open_sessions", "gauge", "sessions", "Sessions held in memory.", ("partition",)
)
HELD_KEYS: Final = Metric(
    "held_event_keys", "gauge", "keys", "Places taken in the duplicate filter.", ("partition",)
)
WATERMARK: Final = Metric(
    "watermark_seconds",
    "gauge",
    "seconds since 1970",
    "How far event time has come.",
    ("feed", "partition"),
)
WATERMARK_AGE: Final = Metric(
    "watermark_age_seconds",
    "gauge",
    "seconds",
    "How far event time is behind the clock.",
    ("feed", "partition"),
)

DELTAS: Final = Metric(
    "deltas", "counter", "deltas", "Request deltas added up, since the topics were made."
)
LATE_DELTAS: Final = Metric(
    "late_deltas", "counter", "deltas", "Deltas of minutes that were dropped already."
)
DEAD_DELTAS: Final = Metric(
    "dead_deltas", "counter", "records", "Records of the deltas topic that could not be read."
)

HELD_ALERTS: Final = Metric(
    "held_alerts",
    "counter",
    "alerts",
    "Final alerts that were not published, by reason: shadow, quiet_hours, suppressed.",
    ("rule", "reason"),
)
RULES: Final = Metric("rules", "gauge", "rules", "Rules in force by state.", ("state",))
RULE_RELOADS: Final = Metric(
    "rule_reloads", "counter", "reloads", "Changed rules taken without a restart."
)
RULE_FAILURES: Final = Metric(
    "rule_reload_failures", "counter", "tries", "Changed rule files that were wrong."
)
RULES_WRONG: Final = Metric(
    "rules_wrong", "gauge", "0 or 1", "Whether the rule files are wrong and older rules in force."
)

INSERTED: Final = Metric(
    "inserted_rows",
    "counter",
    "rows",
    "Rows inserted into ClickHouse, repetitions included.",
    ("table",),
)
WAITING: Final = Metric(
    "waiting_rows", "gauge", "rows", "Rows read that ClickHouse has not acknowledged."
)
SINK_DEAD: Final = Metric("sink_dead_letters", "counter", "records", "Records that fit no table.")
CLICKHOUSE_RETRIES: Final = Metric(
    "clickhouse_retries", "counter", "statements", "Statements that had to be tried again."
)
CLICKHOUSE_AWAY: Final = Metric(
    "clickhouse_away", "gauge", "0 or 1", "Whether ClickHouse is being waited for."
)

INGEST_ROWS: Final = Metric(
    "ingest_rows",
    "counter",
    "rows",
    "Rows a live agent read, and where they went: read is the sum of the other outcomes.",
    ("agent", "outcome"),
)
INGEST_REQUESTS: Final = Metric(
    "ingest_requests",
    "counter",
    "requests",
    "Requests between Canvas and a live agent by outcome.",
    ("agent", "outcome"),
)
INGEST_WAITING: Final = Metric(
    "ingest_waiting_rows", "gauge", "rows", "Rows read that Kafka has not acknowledged.", ("agent",)
)
INGEST_READY: Final = Metric(
    "ingest_ready", "gauge", "0 or 1", "Whether a live agent does its work.", ("agent",)
)
INGEST_RESTARTS: Final = Metric(
    "ingest_restarts",
    "counter",
    "restarts",
    "How often an agent began anew because Kafka or Canvas was away.",
    ("agent",),
)
INGEST_NEWEST: Final = Metric(
    "ingest_newest_seconds",
    "gauge",
    "seconds since 1970",
    "Largest event time that an agent published.",
    ("agent",),
)
INGEST_MARK: Final = Metric(
    "ingest_mark_seconds",
    "gauge",
    "seconds since 1970",
    "Event time up to which an agent said its feed to be complete.",
    ("agent",),
)

NOTIFY_READY: Final = Metric(
    "notify_ready", "gauge", "0 or 1", "Whether notify has read all alerts and tells of new ones."
)
NOTIFY_RESTARTS: Final = Metric(
    "notify_restarts", "counter", "restarts", "How often it began anew because Kafka was away."
)
NOTIFY_RECORDS: Final = Metric(
    "notify_records",
    "counter",
    "records",
    "Records of alerts: told, untold (end of one nobody was told of), silenced, known (committed, "
    "or too old to be news), repeated, unreadable.",
    ("outcome",),
)
NOTIFY_ALERTS: Final = Metric(
    "notify_alerts",
    "gauge",
    "alerts",
    "Alerts that go on: active, and of these silenced and acknowledged.",
    ("state",),
)
NOTIFY_MESSAGES: Final = Metric(
    "notify_messages",
    "counter",
    "messages",
    "Messages by outcome: sent, retried, undelivered (given up: a dead end).",
    ("channel", "outcome"),
)
NOTIFY_WAITING: Final = Metric(
    "notify_waiting",
    "gauge",
    "messages",
    "Messages that a channel has not taken yet.",
    ("channel",),
)
NOTIFY_LAST_SUCCESS: Final = Metric(
    "notify_last_success_seconds",
    "gauge",
    "seconds since 1970",
    "When a channel last took a message.",
    ("channel",),
)

CATALOGUE: Final = (
    *(CHUNKS, RECORDS, REBALANCES, ASSIGNED, LAG, HELD_BACK, STALLED, READY),
    *(COMMIT_SECONDS, COMMITTED_ROWS, TRANSACTION_RECORDS, TRANSACTION_FAILURES),
    *(RESTORES, RESTORE_SECONDS, RESTORE_LONGEST, OPEN_RETRIES, KEPT, LOST, FENCED),
    *(ROWS, LATE_ROWS, OPEN_SESSIONS, HELD_KEYS, WATERMARK, WATERMARK_AGE),
    *(DELTAS, LATE_DELTAS, DEAD_DELTAS),
    *(HELD_ALERTS, RULES, RULE_RELOADS, RULE_FAILURES, RULES_WRONG),
    *(INSERTED, WAITING, SINK_DEAD, CLICKHOUSE_RETRIES, CLICKHOUSE_AWAY),
    *(INGEST_ROWS, INGEST_REQUESTS, INGEST_WAITING, INGEST_READY, INGEST_RESTARTS),
    *(INGEST_NEWEST, INGEST_MARK),
    *(NOTIFY_READY, NOTIFY_RESTARTS, NOTIFY_RECORDS, NOTIFY_ALERTS),
    *(NOTIFY_MESSAGES, NOTIFY_WAITING, NOTIFY_LAST_SUCCESS),
)
"""In the order of the documentation."""
