"""When a host commits what its task has left over."""

from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.topics import LIVE_EVENTS, WEB_LOGS
from pipeline.engine.sessionize_task import SessionizeTask
from pipeline.kafka.figures import CommitFigures
from pipeline.kafka.pace import Pace
from pipeline.kafka.task_host import TaskHost, TaskPosition
from tests.support.memory_kafka import SCHEMAS, MemoryKafka
from tests.support.recorded_transactions import RecordedTransactions
from tests.support.task_rows import T, mark, web_log

RULES = EventTimeRules()
NEVER = Pace(interval_s=1e9, behind_interval_s=1e9, rows=1 << 40)


async def test_what_one_transaction_cannot_hold_follows_in_the_next_whatever_the_pace() -> None:
    kafka, transactions = MemoryKafka(), RecordedTransactions()
    host = TaskHost(
        0,
        group="sessionize",
        task=SessionizeTask(0, RULES, SCHEMAS, sessions_at_once=20),
        transactions=transactions,
        position=TaskPosition({WEB_LOGS.name: 0, LIVE_EVENTS.name: 0}, ""),
        figures=CommitFigures(),
        restored_s={},
    )
    rows = [web_log(n, T, session_id=f"{n + 1:032x}") for n in range(50)]
    kafka.write(WEB_LOGS.name, 0, rows)
    host.add(kafka.chunk(WEB_LOGS.name, 0, 0, kafka.end(WEB_LOGS.name, 0)))
    await host.settle()
    assert not host.due(NEVER, behind=False)
    for feed in RULES.feeds:
        block = mark(feed, RULES.closing(T))
        start = kafka.publish(block)
        host.add(kafka.chunk(block.topic, 0, start, kafka.end(block.topic, 0)))
    await host.settle()
    while host.due(NEVER, behind=False):
        host.begin_commit()
        await host.sent()
    assert transactions.sent[1:] == [20, 20, 10]
    assert isinstance(host.task, SessionizeTask)
    assert host.task.open_sessions == 0
