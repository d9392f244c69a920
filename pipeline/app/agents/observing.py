"""A live agent's metrics, read from its figures when a scraper asks."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from pipeline.app import metrics
from pipeline.app.samples import MICROS, family
from pipeline.ingest.figures import AgentFigures


class ObservedAgent(Collector):
    """The figures of one agent as a collector."""

    def __init__(self, agent: str, figures: AgentFigures) -> None:
        self._agent = agent
        self._figures = figures

    @property
    def ready(self) -> bool:
        """Whether the agent works."""
        return self._figures.ready

    def collect(self) -> Iterator[Family]:
        """Give every metric of an agent."""
        figures, agent = self._figures, (self._agent,)
        for metric, counts in (
            (metrics.INGEST_ROWS, figures.rows),
            (metrics.INGEST_REQUESTS, figures.requests),
        ):
            yield family(
                metric, (((*agent, name), count) for name, count in sorted(counts.items()))
            )
        yield family(metrics.INGEST_WAITING, [(agent, figures.waiting)])
        yield family(metrics.INGEST_READY, [(agent, float(figures.ready))])
        yield family(metrics.INGEST_RESTARTS, [(agent, figures.restarts)])
        for metric, at in (
            (metrics.INGEST_NEWEST, figures.newest),
            (metrics.INGEST_MARK, figures.mark),
        ):
            yield family(metric, [] if at is None else [(agent, at / MICROS)])
