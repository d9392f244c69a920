"""A worker process of the counting stage: ``python -m tests.support.counting_worker``.

Arguments: bootstrap, prefix, then optional ``session=<s>``, ``delay=<s per chunk>``,
``chunk=<records>``, ``interval=<s between commits>`` and ``instance=<static member>``. It logs,
in JSON, what it was given and what was taken from it too.
"""

import asyncio
import sys
from collections.abc import Collection

import structlog

from pipeline.codecs.chunk import Chunk
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.fetched import ConsumerLimits
from pipeline.kafka.pace import Pace
from pipeline.kafka.stage_settings import StageSettings
from pipeline.kafka.transactional_stage import TransactionalStage
from pipeline.kafka.vigil import WorkerLimits
from pipeline.kafka.worker import run_worker
from tests.support.counting import NUMBERS, CountingTask

log = structlog.get_logger(__name__)


def main() -> int:
    structlog.configure(processors=[structlog.processors.JSONRenderer()])
    bootstrap, prefix, *rest = sys.argv[1:]
    options = dict(each.split("=", 1) for each in rest)
    connection = KafkaConnection(bootstrap, prefix=prefix)
    delay = float(options.get("delay", "0"))
    interval = float(options.get("interval", "0.2"))

    class Stage(TransactionalStage):
        async def add(self, chunk: Chunk) -> None:
            await asyncio.sleep(delay)
            await super().add(chunk)
            log.info("added", rows=len(chunk))

        async def revoked(self, partitions: Collection[tuple[str, int]]) -> None:
            log.info("revoked", partitions=sorted(number for _, number in partitions))
            await super().revoked(partitions)

    code = run_worker(
        connection,
        stage="counting",
        group="counting",
        topics=(NUMBERS.name,),
        make_handler=lambda membership: Stage(
            connection,
            membership,
            stage="counting",
            group="counting",
            make_task=CountingTask,
            settings=StageSettings(
                pace=Pace(interval_s=interval, behind_interval_s=max(interval, 3.0), rows=20_000)
            ),
        ),
        limits=WorkerLimits(
            consumer=ConsumerLimits(
                chunk_records=int(options.get("chunk", "2000")),
                session_s=float(options.get("session", "6")),
                heartbeat_s=1.0,
                instance=options.get("instance"),
            )
        ),
    )
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
