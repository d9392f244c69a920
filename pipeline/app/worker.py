"""One stage in this process: its handler, hosted by a worker."""

import gc
from contextlib import AbstractAsyncContextManager
from typing import Final

from pipeline.app import stage_tasks, wiring
from pipeline.app.heap import keep_freed, stays_small
from pipeline.app.observing import Observed
from pipeline.app.rule_watch import RuleWatch
from pipeline.app.settings import Settings
from pipeline.app.stages import STAGES, input_topics
from pipeline.detect import count_tail
from pipeline.domain.errors import SettingsError
from pipeline.domain.exit_codes import ExitCode
from pipeline.engine.stage import StageHandler, StageTask
from pipeline.kafka.fetched import ConsumerLimits
from pipeline.kafka.membership import Membership
from pipeline.kafka.pace import Pace
from pipeline.kafka.stage_settings import StageSettings
from pipeline.kafka.status import WorkerStatus
from pipeline.kafka.transactional_stage import TransactionalStage
from pipeline.kafka.vigil import WorkerLimits
from pipeline.kafka.worker import run_worker
from pipeline.sink.sink import ClickHouseSink
from pipeline.sink.writer import ClickHouseWriter

MS: Final = 1000


def run_stage(stage: str, settings: Settings) -> ExitCode:
    """Run a stage until a signal or an error ends it; return the exit code."""
    if stage not in STAGES:
        raise SettingsError(f"there is no stage {stage!r}; there are {', '.join(STAGES)}")
    keep_freed()
    known = wiring.schemas(settings)
    connection = settings.kafka(client_id=f"{settings.app_id}-{stage}")
    observed = Observed(stage, WorkerStatus())

    def make_handler(membership: Membership) -> StageHandler:
        observed.handler = handler = handler_of(membership)
        return handler

    def handler_of(membership: Membership) -> StageHandler:
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
            settings=StageSettings(
                pace=_pace(stage, settings),
                accept_lost_rows=settings.accept_lost_rows,
            ),
            app=settings.app_id,
        )

    def make_task(partition: int) -> StageTask:
        if stage == "sessionize":
            return stage_tasks.sessionize_task(settings, known, partition)
        return stage_tasks.detect_task(settings, known, settings.partitions, observed.rules)

    if stage == "detect":
        # Both take a while, and rules that are wrong are told before a partition waits for them.
        count_tail.load()
        observed.rules = RuleWatch(settings.rules_dir, time_zone=settings.time_zone)
    # What was imported stays; the garbage collector need not look at it again and again, nor after
    # every 700 objects at what came since: a chunk makes thousands that it frees itself.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    return run_worker(
        connection,
        stage=stage,
        group=settings.group(stage),
        topics=input_topics(stage, settings),
        make_handler=make_handler,
        limits=WorkerLimits(consumer=_consumer_limits(stage, settings), stall_s=settings.stall_s),
        status=observed.status,
        beside=stays_small,
        around=_served(observed, settings),
        expected=dict.fromkeys(input_topics("sessionize", settings), settings.partitions),
    )


def _pace(stage: str, settings: Settings) -> Pace:
    interval_s = settings.commit_interval_ms / MS
    if stage != "detect":
        return Pace(interval_s=interval_s)
    # An alert waits for the commits of both stages; those of detect, one task, are cheap. While it
    # is behind they are larger: each states and judges anew every minute that got deltas since.
    return Pace(interval_s / 2, behind_interval_s=6.0, rows=400_000, most_rows=600_000)


def _consumer_limits(stage: str, settings: Settings) -> ConsumerLimits:
    name = settings.group_instance_id
    return ConsumerLimits(
        session_s=settings.session_timeout_s,
        heartbeat_s=min(settings.heartbeat_s, settings.session_timeout_s / 3),
        instance=None if name is None else f"{name}-{stage}",
    )


def _served(observed: Observed, settings: Settings) -> AbstractAsyncContextManager[object] | None:
    if settings.metrics_port is None:
        return None
    # The web server is loaded only where it serves.
    from pipeline.app.metrics_server import metrics_server  # noqa: PLC0415

    return metrics_server(observed, settings.metrics_host, settings.metrics_port)
