"""What every process says of itself: numbers under a metric of the catalogue."""

from collections.abc import Iterable
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from pipeline.app.metrics import PREFIX, Metric

MICROS: Final = 1_000_000

Samples = Iterable[tuple[tuple[str, ...], float]]


def family(metric: Metric, samples: Samples) -> Family:
    """Return a counter or gauge with its samples: label values and number."""
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(PREFIX + metric.name, metric.help, labels=metric.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family
