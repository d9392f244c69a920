"""One stage in this process: its handler, hosted by a worker."""

from typing import Final

from pipeline.app import wiring
from pipeline.app.settings import Settings
from pipeline.app.stages import STAGES, input_topics
from pipeline.domain.errors import SettingsError
from pipeline.domain.exit_codes import ExitCode
from pipeline.engine.stage import StageHandler, StageTask
from pipeline.kafka.fetched import ConsumerLimits
from pipeline.kafka.membership import Membership
from pipeline.kafka.pace import Pace
from pipeline.kafka.transactional_stage import StageSettings, TransactionalStage
from pipeline.kafka.worker import WorkerLimits, run_worker
from pipeline.sink.sink import ClickHouseSink
from pipeline.sink.writer import ClickHouseWriter

MS: Final = 1000


def run_stage(stage: str, settings: Settings) -> ExitCode:
    """Run a stage until a signal or an error ends it; return the exit code."""
    if stage not in STAGES:
        raise SettingsError(f"there is no stage {stage!r}; there are {', '.join(STAGES)}")
    known = wiring.schemas(settings)
    connection = settings.kafka(client_id=f"{settings.app_id}-{stage}")

    def make_handler(membership: Membership) -> StageHandler:
        if stage == "sink":
            return ClickHouseSink(
                ClickHouseWriter(settings.clickhouse()), known, membership.acknowledge
            )
        return TransactionalStage(
            connection,
            membership,
            stage=stage,
            group=settings.group(stage),
            make_task=make_task,
            settings=StageSettings(pace=Pace(interval_s=settings.commit_interval_ms / MS)),
            app=settings.app_id,
        )

    def make_task(partition: int) -> StageTask:
        if stage == "sessionize":
            return wiring.sessionize_task(settings, known, partition)
        return wiring.detect_task(settings, known, settings.partitions)

    name = settings.group_instance_id
    consumer = ConsumerLimits(
        session_s=settings.session_timeout_s,
        heartbeat_s=min(3.0, settings.session_timeout_s / 3),
        instance=None if name is None else f"{name}-{stage}",
    )
    return run_worker(
        connection,
        stage=stage,
        group=settings.group(stage),
        topics=input_topics(stage, settings),
        make_handler=make_handler,
        limits=WorkerLimits(consumer=consumer),
        expected=dict.fromkeys(input_topics("sessionize", settings), settings.partitions),
    )
