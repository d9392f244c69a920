"""A worker's metrics, read from its running objects when a scraper asks."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from pipeline.app import metrics
from pipeline.app.metrics import PREFIX, Metric
from pipeline.app.rule_watch import RuleWatch
from pipeline.app.samples import MICROS, family
from pipeline.engine.detect_task import DetectTask
from pipeline.engine.sessionize_task import SessionizeTask
from pipeline.engine.stage import StageHandler
from pipeline.kafka.figures import COMMIT_BOUNDS_S, CommitFigures
from pipeline.kafka.status import WorkerStatus
from pipeline.kafka.transactional_stage import TransactionalStage
from pipeline.sink.sink import ClickHouseSink

OUTCOMES: Final = ("consumed", "in_sessions", "without_session", "late", "duplicates", "dead")

RULE_STATES: Final = ("enabled", "shadow", "off")

Clock = Callable[[], float]


class Observed(Collector):
    """The objects of one worker as a collector; ``handler`` is set once it is made.

    ``clock`` gives seconds since 1970. Collect on the worker's event loop: nothing is locked.
    """

    def __init__(self, stage: str, status: WorkerStatus, clock: Clock = time.time) -> None:
        self.handler: StageHandler | None = None
        self.rules: RuleWatch | None = None
        self.status = status
        self._stage = stage
        self._clock = clock

    @property
    def ready(self) -> bool:
        """Whether the group gave an assignment and all of it is open."""
        if self.status.stopping or self.status.assigned is None:
            return False
        return not (isinstance(self.handler, TransactionalStage) and self.handler.restoring)

    def collect(self) -> Iterator[Family]:
        """Give every metric of this stage."""
        yield from self._worker()
        if isinstance(self.handler, TransactionalStage):
            yield from self._transactions(self.handler)
            yield from _sessionize(self.handler, self._clock())
            yield from _detect(self.handler)
        if self.rules is not None:
            yield from _rules(self.rules)
        if isinstance(self.handler, ClickHouseSink):
            yield from _sink(self.handler)

    def _worker(self) -> Iterator[Family]:
        status, stage = self.status, (self._stage,)
        yield family(metrics.CHUNKS, [(stage, status.chunks)])
        yield family(metrics.RECORDS, [(stage, status.rows)])
        yield family(metrics.REBALANCES, [(stage, status.rebalances)])
        yield family(metrics.ASSIGNED, [(stage, len(status.assigned or ()))])
        yield family(metrics.READY, [(stage, float(self.ready))])
        for metric, values in (
            (metrics.LAG, status.lag),
            (metrics.HELD_BACK, status.held_back),
            (metrics.STALLED, status.stalled),
        ):
            yield family(
                metric,
                (
                    ((self._stage, topic, str(number)), value)
                    for (topic, number), value in sorted(values.items())
                ),
            )

    def _transactions(self, handler: TransactionalStage) -> Iterator[Family]:
        commits, openings, stage = handler.figures, handler.openings, (self._stage,)
        yield _histogram(metrics.COMMIT_SECONDS, stage, commits)
        yield family(metrics.COMMITTED_ROWS, [(stage, commits.rows)])
        yield family(
            metrics.TRANSACTION_RECORDS,
            (((self._stage, topic), count) for topic, count in sorted(commits.records.items())),
        )
        yield family(metrics.TRANSACTION_FAILURES, [(stage, commits.failures)])
        yield family(metrics.RESTORES, [(stage, openings.opened)])
        yield family(metrics.RESTORE_SECONDS, [(stage, openings.seconds)])
        yield family(metrics.RESTORE_LONGEST, [(stage, openings.longest_s)])
        yield family(metrics.OPEN_RETRIES, [(stage, openings.retries)])
        yield family(metrics.KEPT, [(stage, openings.kept)])
        yield family(metrics.LOST, [(stage, openings.losses)])
        yield family(metrics.FENCED, [(stage, openings.fenced)])


def _sessionize(handler: TransactionalStage, now_s: float) -> Iterator[Family]:
    tasks = [
        (str(number), task)
        for number, task in sorted(handler.tasks.items())
        if isinstance(task, SessionizeTask)
    ]
    if not tasks:
        return
    yield family(
        metrics.ROWS,
        (
            ((feed, number, outcome), getattr(tally, outcome))
            for number, task in tasks
            for feed, tally in task.tallies.items()
            for outcome in OUTCOMES
        ),
    )
    yield family(
        metrics.LATE_ROWS,
        (
            ((feed, number, reason), count)
            for number, task in tasks
            for feed, tally in task.tallies.items()
            for reason, count in (("late", tally.late - tally.misdated), ("time", tally.misdated))
        ),
    )
    yield family(metrics.OPEN_SESSIONS, (((number,), task.open_sessions) for number, task in tasks))
    yield family(metrics.HELD_KEYS, (((number,), task.held_keys) for number, task in tasks))
    marks = [
        ((feed, number), at / MICROS)
        for number, task in tasks
        for feed, at in task.watermarks.feeds.items()
    ]
    yield family(metrics.WATERMARK, marks)
    yield family(metrics.WATERMARK_AGE, ((labels, now_s - at) for labels, at in marks))


def _detect(handler: TransactionalStage) -> Iterator[Family]:
    for task in handler.tasks.values():
        if isinstance(task, DetectTask):
            yield family(metrics.DELTAS, [((), task.deltas)])
            yield family(metrics.LATE_DELTAS, [((), task.late_deltas)])
            yield family(metrics.DEAD_DELTAS, [((), task.dead)])
            yield family(metrics.HELD_ALERTS, sorted(task.held_alerts.items()))


def _rules(watch: RuleWatch) -> Iterator[Family]:
    states = Counter(rule.state for rule in watch.rules)
    yield family(metrics.RULES, (((state,), states[state]) for state in RULE_STATES))
    yield family(metrics.RULE_RELOADS, [((), watch.reloads)])
    yield family(metrics.RULE_FAILURES, [((), watch.failures)])
    yield family(metrics.RULES_WRONG, [((), float(watch.wrong))])


def _sink(handler: ClickHouseSink) -> Iterator[Family]:
    yield family(
        metrics.INSERTED, (((table,), count) for table, count in sorted(handler.inserted.items()))
    )
    yield family(metrics.WAITING, [((), handler.waiting_rows)])
    yield family(metrics.SINK_DEAD, [((), handler.bad)])
    yield family(metrics.CLICKHOUSE_RETRIES, [((), handler.retries)])
    yield family(metrics.CLICKHOUSE_AWAY, [((), float(handler.trouble is not None))])


def _histogram(metric: Metric, labels: tuple[str, ...], commits: CommitFigures) -> Family:
    family = HistogramMetricFamily(PREFIX + metric.name, metric.help, labels=metric.labels)
    below, buckets = 0, []
    for bound, count in zip((*map(str, COMMIT_BOUNDS_S), "+Inf"), commits.buckets, strict=True):
        below += count
        buckets.append((bound, float(below)))
    family.add_metric(labels, buckets=buckets, sum_value=commits.seconds)
    return family
