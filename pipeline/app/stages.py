"""The stages by name: what each reads, and the worker that runs it."""

from typing import Final

from pipeline.app.settings import Settings
from pipeline.domain.topics import REQUEST_DELTAS
from pipeline.engine.sessionize_task import INPUTS
from pipeline.sink.tables import TOPICS

STAGES: Final = ("sessionize", "detect", "sink")
"""In the order of the flow: each reads what those before it write."""


def input_topics(stage: str, settings: Settings) -> tuple[str, ...]:
    """Return the topics a stage reads, without prefix."""
    if stage == "sessionize":
        return tuple(INPUTS[feed].name for feed in settings.feeds if feed in INPUTS)
    if stage == "detect":
        return (REQUEST_DELTAS.name,)
    return TOPICS
