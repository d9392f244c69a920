"""The tasks of the stages: settings in, ready tasks out."""

import structlog

from pipeline.app.rule_watch import RuleWatch
from pipeline.app.settings import Settings
from pipeline.app.wiring import rules
from pipeline.codecs.schemas import Schemas
from pipeline.detect.detection import Detection
from pipeline.engine.detect_task import DetectTask
from pipeline.engine.placement import PlacementCheck
from pipeline.engine.sessionize_task import SessionizeTask


def sessionize_task(settings: Settings, known: Schemas, partition: int) -> SessionizeTask:
    """Return the sessionize task of a partition."""
    log = structlog.get_logger(__name__)
    return SessionizeTask(
        partition,
        settings.event_time(),
        known,
        generation=settings.generation,
        placement=PlacementCheck(
            partition, settings.partitions, lambda said: log.warning("wrong partition", said=said)
        ),
    )


def detect_task(
    settings: Settings, known: Schemas, partitions: int, watch: RuleWatch | None = None
) -> DetectTask:
    """Return the detect stage's one task; ``partitions`` is the number of input partitions.

    It goes on with other rules when ``watch`` finds them; without one its rules stay.
    """
    return DetectTask(
        settings.event_time(),
        Detection(rules(settings) if watch is None else watch.rules),
        known,
        partitions=partitions,
        generation=settings.generation,
        site=settings.site_name,
        max_keys=settings.max_keys_per_minute or None,
        new_rules=_nothing_new if watch is None else watch.follow(),
    )


def _nothing_new() -> None:
    return None
