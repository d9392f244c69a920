"""Metrics: each is in the catalogue and in the documentation, and tells what the objects say."""

import asyncio
import socket
from collections.abc import Collection
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from pipeline.app import metrics
from pipeline.app.agents.observing import ObservedAgent
from pipeline.app.commands.run import _ports
from pipeline.app.metrics import CATALOGUE, Metric
from pipeline.app.metrics_server import metrics_server
from pipeline.app.notify.observing import ObservedNotify
from pipeline.app.notify.service import NotifyFigures
from pipeline.app.observing import Observed
from pipeline.app.rule_watch import RuleWatch
from pipeline.app.settings import ROOT, Settings
from pipeline.app.stage_tasks import detect_task, sessionize_task
from pipeline.app.wiring import schemas
from pipeline.domain.errors import SettingsError
from pipeline.engine.stage import StageTask
from pipeline.ingest.figures import AgentFigures
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.fetched import Reach
from pipeline.kafka.figures import COMMIT_BOUNDS_S, CommitFigures
from pipeline.kafka.status import WorkerStatus
from pipeline.kafka.transactional_stage import TransactionalStage
from pipeline.sink.sink import ClickHouseSink
from tests.support.fake_clickhouse import FakeClickHouse

SETTINGS = Settings()
KNOWN = schemas(SETTINGS)
OPERATIONS = Path(ROOT) / "docs" / "operations.md"
P0 = ("canvas.web_logs.v1", 0)


class NoGroup:
    """A membership that is never asked."""

    def end(self, topic: str, partition: int) -> int | None:
        raise AssertionError(topic, partition)

    async def rejoin(self) -> None:
        raise AssertionError

    def pause(self, partitions: Collection[tuple[str, int]]) -> None:
        raise AssertionError(partitions)

    def resume(self, partitions: Collection[tuple[str, int]]) -> None:
        raise AssertionError(partitions)


class WithTasks(TransactionalStage):
    """A stage whose tasks are open without a broker."""

    @property
    def tasks(self) -> dict[int, StageTask]:
        return {0: self._opening.make_task(0)}


def stage(name: str) -> WithTasks:
    def make(partition: int) -> StageTask:
        if name == "sessionize":
            task = sessionize_task(SETTINGS, KNOWN, partition)
            task.watermarks.mark("web_logs", 1_000_000_000)
            return task
        return detect_task(SETTINGS, KNOWN, 1)

    return WithTasks(
        KafkaConnection("127.0.0.1:9"), NoGroup(), stage=name, group=name, make_task=make
    )


def sink() -> ClickHouseSink:
    async def acknowledge(_: object) -> None:
        raise AssertionError

    return ClickHouseSink(FakeClickHouse(), KNOWN, acknowledge)


def observed(name: str, status: WorkerStatus | None = None) -> Observed:
    found = Observed(name, status or WorkerStatus(), clock=lambda: 2_000.0)
    found.handler = sink() if name == "sink" else stage(name)
    found.rules = RuleWatch(SETTINGS.rules_dir) if name == "detect" else None
    return found


def samples(found: Observed) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in found.collect()
        for sample in family.samples
    }


def test_every_metric_that_is_used_is_in_the_catalogue_and_every_one_of_it_is_used() -> None:
    known = {metric.full_name: metric for metric in CATALOGUE}
    used: set[str] = set()
    agent = ObservedAgent("dap", AgentFigures(newest=1, mark=1))
    notify = ObservedNotify(AgentFigures(), NotifyFigures())
    collectors = [*map(observed, ("sessionize", "detect", "sink")), agent, notify]
    for collector in collectors:
        for family in collector.collect():
            full = family.name + ("_total" if family.type == "counter" else "")
            metric = known[full]
            assert (family.type, family.documentation) == (metric.kind, metric.help)
            used.add(full)
    assert used == set(known)


def test_every_metric_of_the_module_stands_in_the_catalogue_once() -> None:
    declared = [each for each in vars(metrics).values() if isinstance(each, Metric)]
    assert sorted(declared) == sorted(CATALOGUE)
    assert len({metric.full_name for metric in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_every_metric_is_documented_with_its_kind_unit_and_help(metric: Metric) -> None:
    text = OPERATIONS.read_text(encoding="utf-8")
    labels = ", ".join(metric.labels)
    row = f"| `{metric.full_name}` | {metric.kind} | {metric.unit} | {labels} | {metric.help} |"
    assert row in text.splitlines()


def test_a_watermark_and_its_age_are_seconds() -> None:
    labels = frozenset({("feed", "web_logs"), ("partition", "0")})
    found = samples(observed("sessionize"))
    assert found["canvas_telemetry_watermark_seconds", labels] == 1_000
    assert found["canvas_telemetry_watermark_age_seconds", labels] == 1_000


def test_lag_and_stall_are_given_per_partition() -> None:
    status = WorkerStatus()
    status.observe({P0: Reach(20, 10, 23)}, {P0: 10})
    labels = frozenset({("stage", "sink"), ("topic", P0[0]), ("partition", "0")})
    found = samples(observed("sink", status))
    assert found["canvas_telemetry_lag", labels] == 10
    assert found["canvas_telemetry_held_back", labels] == 3
    assert found["canvas_telemetry_stalled", labels] == 0


@given(st.lists(st.floats(0, 100), max_size=30))
def test_the_histogram_counts_each_commit_once_and_below_its_bound(seconds: list[float]) -> None:
    found = Observed("sessionize", WorkerStatus())
    handler = stage("sessionize")
    handler.figures = CommitFigures()
    for each in seconds:
        handler.figures.record(1, {}, each)
    found.handler = handler
    values = samples(found)
    name = "canvas_telemetry_commit_seconds"
    for bound in COMMIT_BOUNDS_S:
        labels = frozenset({("stage", "sessionize"), ("le", str(bound))})
        assert values[f"{name}_bucket", labels] == sum(each <= bound for each in seconds)
    assert values[f"{name}_count", frozenset({("stage", "sessionize")})] == len(seconds)


async def ask(port: int, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}") as answer,
    ):
        return answer.status, await answer.text()


async def test_a_worker_is_ready_once_all_that_it_was_given_is_open() -> None:
    status = WorkerStatus()
    found = observed("sink", status)
    async with metrics_server(found, "127.0.0.1", 0) as port:
        assert (await ask(port, "/healthz"))[0] == 200
        assert (await ask(port, "/readyz"))[0] == 503
        status.assigned = frozenset({P0})
        assert (await ask(port, "/readyz"))[0] == 200
        handler = stage("sessionize")
        found.handler = handler
        handler._slots[0] = slot = _opening()
        assert (await ask(port, "/readyz"))[0] == 503
        slot.ready.set_result(None)
        assert (await ask(port, "/readyz"))[0] == 200
        status.stopping = True
        assert (await ask(port, "/readyz"))[0] == 503


def _opening():  # type: ignore[no-untyped-def]  # noqa: ANN202
    from pipeline.kafka.transactional_stage import _Slot  # noqa: PLC0415

    return _Slot(0)


async def test_what_is_scraped_can_be_parsed_and_is_of_this_worker_alone() -> None:
    async with (
        metrics_server(observed("detect"), "127.0.0.1", 0) as one,
        metrics_server(observed("sink"), "127.0.0.1", 0) as two,
    ):
        texts = [await ask(port, "/metrics") for port in (one, two)]
    names = [{each.name for each in text_string_to_metric_families(text)} for _, text in texts]
    assert "canvas_telemetry_deltas" in names[0] - names[1]
    assert "canvas_telemetry_inserted_rows" in names[1] - names[0]


async def test_a_port_that_is_taken_is_a_mistake_of_the_settings() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingsError, match="cannot be had"):
            async with metrics_server(observed("sink"), "127.0.0.1", taken.getsockname()[1]):
                await asyncio.sleep(0)


def test_the_families_register_without_clashing() -> None:
    registry = CollectorRegistry(auto_describe=True)
    registry.register(observed("sessionize"))


def test_stages_of_one_run_have_ports_of_their_own() -> None:
    stages = ("sessionize", "detect", "sink")
    ports = _ports(Settings(metrics_port=9100), stages)
    assert [each["CANVAS_TELEMETRY_METRICS_PORT"] for each in ports.values()] == [
        "9100",
        "9101",
        "9102",
    ]
    assert _ports(Settings(metrics_port=0), stages) == _ports(Settings(), stages) == {}
