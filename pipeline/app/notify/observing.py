"""The metrics of ``notify``, read from its running objects when a scraper asks."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from pipeline.app import metrics
from pipeline.app.notify.service import NotifyFigures, Notifying
from pipeline.app.samples import family
from pipeline.ingest.figures import AgentFigures


class ObservedNotify(Collector):
    """One process as a collector; ``notifying`` is what works at present."""

    def __init__(self, work: AgentFigures, figures: NotifyFigures) -> None:
        self.notifying: Notifying | None = None
        self.work = work
        self.figures = figures

    @property
    def ready(self) -> bool:
        """Whether it has read all alerts, and tells of new ones."""
        return self.figures.ready

    def collect(self) -> Iterator[Family]:
        """Give every metric of notify."""
        yield family(metrics.NOTIFY_READY, [((), float(self.ready))])
        yield family(metrics.NOTIFY_RESTARTS, [((), self.work.restarts)])
        records = sorted(self.figures.records.items())
        yield family(metrics.NOTIFY_RECORDS, (((outcome,), count) for outcome, count in records))
        states = {} if self.notifying is None else self.notifying.states()
        yield family(metrics.NOTIFY_ALERTS, (((name,), count) for name, count in states.items()))
        lanes = (
            []
            if self.notifying is None
            else [
                *((lane.channel.name, lane.waiting, lane.figures) for lane in self.notifying.lanes),
                *((lane.name, lane.waiting, lane.figures) for lane in self.notifying.managers),
            ]
        )
        yield family(
            metrics.NOTIFY_MESSAGES,
            (
                ((name, outcome), count)
                for name, _, figures in lanes
                for outcome, count in sorted(figures.outcomes.items())
            ),
        )
        yield family(metrics.NOTIFY_WAITING, (((name,), waiting) for name, waiting, _ in lanes))
        yield family(
            metrics.NOTIFY_LAST_SUCCESS,
            (
                ((name,), figures.last_success)
                for name, _, figures in lanes
                if figures.last_success is not None
            ),
        )
