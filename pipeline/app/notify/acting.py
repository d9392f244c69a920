"""Actions on alerts: written to their topic, and read from it."""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential_jitter,
)

from pipeline.codecs.avro import RecordWriter, Unreadable, decode_one
from pipeline.codecs.schemas import Schemas
from pipeline.domain.alerts import Action, Decisions
from pipeline.domain.errors import Fenced, Unavailable
from pipeline.domain.topics import ALERT_ACTIONS
from pipeline.engine.stage import Block
from pipeline.kafka.compacted import read_compacted
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.publisher import TransactionalPublisher

PATIENCE_S = 60.0


async def publish_actions(
    connection: KafkaConnection, transactional_id: str, known: Schemas, actions: Sequence[Action]
) -> None:
    """Publish actions, all or none. Raises Unavailable after a minute, OurMistake.

    Two who act at the same moment fence each other; the one who lost does it again.
    """
    schema = ALERT_ACTIONS.schema
    writer = RecordWriter(known.named(schema), known.id_of(schema))
    block = Block(
        ALERT_ACTIONS.name,
        0,
        pa.array([action.key.encode() for action in actions], pa.binary()),
        pa.array([writer.write(_record(action)) for action in actions], pa.binary()),
    )
    publisher = TransactionalPublisher(connection, transactional_id)

    async def attempt() -> None:
        await publisher.start()
        await publisher.publish([block])

    try:
        await AsyncRetrying(
            retry=retry_if_exception_type((Unavailable, Fenced)),
            stop=stop_after_delay(PATIENCE_S),
            wait=wait_exponential_jitter(multiplier=0.2, max=5.0),
            reraise=True,
        )(attempt)
    finally:
        await publisher.stop()


async def read_decisions(connection: KafkaConnection, known: Schemas) -> Decisions:
    """Return the actions that count now. Raises Unavailable, OurMistake."""
    latest = await read_compacted(connection, ALERT_ACTIONS.name)
    actions = decoded(known, latest.values())
    return Decisions(sorted(actions, key=lambda action: action.acted_at))


def decoded(known: Schemas, values: Iterable[bytes | None]) -> list[Action]:
    """Return the actions of a topic's values; what is none of ours is passed over."""
    actions = []
    for value in values:
        if value is None:
            continue
        try:
            record: dict[str, Any] = decode_one(known, value, ALERT_ACTIONS.schema)
            action = Action(**record)
            _ = action.key
        except (Unreadable, KeyError):
            continue
        actions.append(action)
    return actions


def _record(action: Action) -> dict[str, Any]:
    return action._asdict()
