"""Sessionize and detect over topics in memory, with what recompute makes of them."""

from collections.abc import Callable
from typing import Any

from pipeline.detect.detection import Detection
from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.feeds import Feed
from pipeline.engine.detect_task import DetectTask
from pipeline.engine.sessionize_task import INPUTS, SessionizeTask
from tests.support.memory_kafka import SCHEMAS, MemoryHost, MemoryKafka
from tests.support.past import Past
from tests.support.task_rows import feed_of, mark

RULES = EventTimeRules()


class MemoryLine:
    """Both stages, one partition, over topics in memory; ``past`` recomputes them."""

    def __init__(
        self,
        generation: int = 0,
        rules: EventTimeRules = RULES,
        detection: Callable[[], Detection] = lambda: Detection([]),
    ) -> None:
        self.kafka = MemoryKafka()
        self.rules = rules
        self.past = Past(self.kafka, rules)
        self.sessionize = MemoryHost(
            self.kafka, lambda: SessionizeTask(0, rules, SCHEMAS, generation=generation)
        )
        self.detect = MemoryHost(
            self.kafka,
            lambda: DetectTask(rules, detection(), SCHEMAS, partitions=1, generation=generation),
        )

    @property
    def limit(self) -> int:
        """Where the sessionize task stands."""
        limit = self.task.watermarks.limit
        assert limit is not None
        return limit

    def write(self, *rows: dict[str, Any]) -> None:
        """Publish rows to the topics of their feeds and let the stages commit them."""
        for row in rows:
            self.kafka.write(INPUTS[feed_of(row)].name, 0, [row])
        self.run()

    def mark(self, at: int) -> None:
        """Move the event time of all feeds."""
        for feed in self.rules.feeds:
            self.kafka.publish(mark(feed, at))
        self.run()

    def mark_feed(self, feed: Feed, at: int) -> None:
        """Move the event time of one feed."""
        self.kafka.publish(mark(feed, at))
        self.run()

    @property
    def task(self) -> SessionizeTask:
        """The sessionize task."""
        assert isinstance(self.sessionize.task, SessionizeTask)
        return self.sessionize.task

    def run(self) -> None:
        """Let both stages read everything and commit."""
        self.sessionize.finish()
        self.detect.finish()
