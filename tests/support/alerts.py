"""Anomaly records, and publishing them as the detect stage does."""

import asyncio
from typing import Any

from pipeline.app.settings import Settings
from pipeline.app.wiring import schemas
from pipeline.detect.frames import ANOMALY, anomalies_frame
from pipeline.domain.event_time import MINUTE
from pipeline.domain.topics import ANOMALIES
from pipeline.engine.blocks import BlockMaker
from pipeline.kafka.publisher import TransactionalPublisher
from tests.support.avro_examples import example

START = 29_000_160 * MINUTE


def alert(number: int = 1, **more: Any) -> dict[str, Any]:
    """Return an alert that goes on; ``number`` makes another fingerprint of it."""
    fingerprint = f"{number:032x}"
    usual = {
        "fingerprint": fingerprint,
        "episode": f"{fingerprint}-{START // MINUTE}",
        "version": 1,
        "severity": "warning",
        "severity_was": None,
        "key": f"page_{number}#show",
        "window_start": START,
        "window_end": START + 2 * MINUTE,
        "opened_at": START + MINUTE,
        "updated_at": START + 2 * MINUTE,
    }
    return {**example("anomaly"), **usual, **more}


def over(record: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the next record of an alert, which ends it."""
    end = record["window_end"] + 10 * MINUTE
    ended = {"status": "resolved", "resolved_at": end, "updated_at": end}
    return {**record, "version": record["version"] + 1, **ended, **more}


def publish(settings: Settings, records: list[dict[str, Any]]) -> None:
    """Publish records in one transaction, with the versions they have."""
    frame = anomalies_frame([{name: r[name] for name in ANOMALY} for r in records], 0)
    versions = [record["version"] for record in records]
    frame = frame.with_columns(frame["version"].scatter(range(len(versions)), versions))

    async def send() -> None:
        publisher = TransactionalPublisher(settings.kafka(), "detect-0")
        await publisher.start()
        try:
            maker = BlockMaker(schemas(settings), settings.site_name)
            await publisher.publish([maker.block(ANOMALIES, 0, frame)])
        finally:
            await publisher.stop()

    asyncio.run(send())
