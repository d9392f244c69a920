"""Settings of ``ingest live-events-sqs`` become the options of its agent."""

import pytest

from pipeline.app.agents.live_events_sqs import queue_options
from pipeline.app.settings import Settings
from pipeline.domain.errors import SettingsError

QUEUE = "https://sqs.us-east-1.amazonaws.com/1/canvas-live-events-main"


def test_without_a_queue_the_agent_says_which_setting_is_missing() -> None:
    with pytest.raises(SettingsError, match="CANVAS_TELEMETRY_SQS_QUEUE_URL"):
        queue_options(Settings())


def test_every_setting_reaches_the_agent() -> None:
    values = {"receivers": 3, "wait_s": 7, "visibility_s": 90, "max_in_flight": 500}
    given = {f"sqs_{name}": value for name, value in values.items()}
    settings = Settings.model_validate(
        {**given, "sqs_queue_url": QUEUE, "sqs_region": "eu-west-1", "max_bad_share": 0.2}
    )
    options = queue_options(settings)
    assert {name: getattr(options, name) for name in values} == values
    assert (options.queue_url, options.queue_region) == (QUEUE, "eu-west-1")
    assert (options.max_bad_share, queue_options(settings, 0.9).max_bad_share) == (0.2, 0.9)
