"""What DAP and the network do to its agent, one fault a test."""

import asyncio
import logging
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pipeline.domain.errors import OurMistake, TooManyBadRecords, Unavailable
from pipeline.engine.stage import Block, MarkBlock
from pipeline.ingest.clock import wall_clock
from tests.support.canvas.dap_run import SCHEMAS, DapRun
from tests.support.canvas.dap_server import DapServer, Fault
from tests.support.memory_publisher import MemoryPublisher
from tests.support.raw_files import row_at
from tests.unit.ingest.test_dap import ids_of

ROWS = [row_at(m) for m in range(0, 240, 5)]


class StoppingPublisher(MemoryPublisher):
    """Asks the agent to stop while one of its transactions is under way."""

    def __init__(self, stopping: asyncio.Event, at_call: int) -> None:
        super().__init__()
        self._stopping, self._at_call = stopping, at_call

    async def publish(self, blocks: Sequence[Block | MarkBlock]) -> list[int]:
        if self.calls + 1 == self._at_call:
            self._stopping.set()
        return await super().publish(blocks)


def error(named: str, **more: str) -> dict[str, dict[str, str]]:
    return {"error": {"type": named, "uuid": "9d1f", "message": "", **more}}


async def test_a_job_that_failed_in_passing_is_asked_for_again() -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.commit(ROWS)
        failed = {"type": "ProcessingError", "uuid": "77", "message": ""}
        server.failing_jobs.extend([failed, failed])
        await run.start()
        assert run.figures.requests["job_repeated"] == 2
    assert run.ids() == ids_of(ROWS)


async def test_a_job_that_fails_for_good_is_unavailable_and_says_its_type_and_uuid() -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.failing_jobs.extend([{"type": "ProcessingError", "uuid": "77", "message": "x"}] * 9)
        with pytest.raises(Unavailable, match="Processing 77 x"):
            await run.start()
    assert run.publisher.calls == 0


@pytest.mark.parametrize("kind", ["OutOfRange", "SnapshotRequired"])
async def test_days_that_dap_no_longer_has_are_said_and_skipped_only_when_told_to(
    kind: str,
) -> None:
    old = datetime.fromisoformat("2026-01-01T00:00:00Z")
    body = error(kind, since="2026-01-16T00:00:00Z", until="2026-02-15T08:00:00Z")
    async with DapServer() as server:
        run = DapRun(server)
        server.commit(ROWS)
        server.fail("web_logs/data", Fault(400, body), Fault(400, body))
        with pytest.raises(OurMistake, match=r"from 2026-01-01T00:00:00Z to 2026-01-16.*lost"):
            await run.start(since=old)
        assert run.publisher.calls == 0
        cursor = await run.start(since=old, skip_lost=True)
    assert cursor is not None
    assert cursor.gaps == (("2026-01-01T00:00:00Z", "2026-01-16T00:00:00Z"),)
    assert run.ids() == ids_of(ROWS)
    assert run.news[0].event == "days lost"


@pytest.mark.parametrize("status", [403, 500])
@pytest.mark.parametrize("kind", ["AccountNotOnboarded", "AccountDisabled", "RequestTypeForbidden"])
async def test_the_state_of_an_account_stops_the_agent_whatever_the_status(
    status: int, kind: str
) -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.fail("web_logs/data", *[Fault(status, error(kind))] * 3)
        with pytest.raises(OurMistake, match=kind):
            await run.start()


async def test_an_account_under_maintenance_is_waited_for() -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.commit(ROWS)
        server.fail("web_logs/data", *[Fault(403, error("AccountUnderMaintenance"))] * 2)
        await run.start()
    assert run.ids() == ids_of(ROWS)


async def test_a_wrong_key_stops_the_agent_with_what_to_do() -> None:
    async with DapServer() as server:
        run = DapRun(server, secret="wrong")
        with pytest.raises(OurMistake, match="make a new API key"):
            await run.start()
        assert server.requests["login"] == 1


async def test_a_token_refused_later_is_asked_for_again_by_a_new_start() -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.commit(ROWS)
        server.fail("web_logs/data", *[Fault(401, error("Unauthorized"))] * 4)
        with pytest.raises(Unavailable, match="no longer accepts the token"):
            await run.start()
        await run.start()
    assert run.ids() == ids_of(ROWS)


async def test_a_refusal_for_too_many_questions_is_waited_out() -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.commit(ROWS)
        late = Fault(429, error("TooManyRequests"), {"Retry-After": "0"})
        server.fail("web_logs/data", late, late)
        server.fail("object/url", late)
        await run.start()
        assert server.requests["data"] == 3
    assert run.ids() == ids_of(ROWS)


@pytest.mark.parametrize("path", ["login", "web_logs/data", "job", "object/url", "signed"])
@pytest.mark.parametrize("fault", [Fault(503), Fault(504, error("Timeout")), Fault(drop=True)])
async def test_a_server_error_or_dropped_connection_anywhere_is_repeated(
    path: str, fault: Fault
) -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.commit(ROWS[:9])
        server.fail(path, fault)
        await run.start()
    assert run.ids() == ids_of(ROWS[:9])


@pytest.mark.parametrize("body", [None, [], "?", {"id": 5}, {"error": 5}, {"status": "complete"}])
async def test_an_answer_of_another_shape_is_unavailable(body: object) -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.fail("web_logs/data", *[Fault(200 if body else 400, body)] * 4)
        with pytest.raises(Unavailable):
            await run.start()


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
async def test_an_object_cut_off_is_downloaded_again(kind: str) -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.commit(ROWS)
        server.fail("signed", Fault(keep=200), Fault(keep=15))
        await run.start(format=kind)
        assert run.figures.requests["download_repeated"] == 2
    assert run.ids() == ids_of(ROWS)


async def test_an_object_that_is_always_cut_off_publishes_nothing() -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.commit(ROWS)
        server.fail("signed", *[Fault(keep=200)] * 99)
        with pytest.raises(Unavailable, match="without its end"):
            await run.start()
    assert run.publisher.calls == 0


async def test_an_address_that_has_expired_is_asked_for_anew() -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.commit(ROWS)
        server.fail("signed", Fault(403), Fault(403))
        await run.start()
        assert server.requests["url"] == server.requests["signed"]
    assert run.ids() == ids_of(ROWS)


async def test_addresses_are_asked_for_one_by_one_and_downloads_are_bounded() -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.rows_per_object = 1
        server.commit(ROWS)
        await run.start(downloads=3)
        assert server.requests["url"] == len(ROWS)
        assert server.most_at_once <= 3
    assert run.ids() == ids_of(ROWS)


async def test_objects_that_expire_while_they_are_read_are_made_anew() -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.commit(ROWS)
        gone = error("NotFound", id="x", kind="object")
        server.fail("object/url", Fault(404, gone))
        await run.start()
    assert run.ids() == ids_of(ROWS)


async def test_a_changed_schema_keeps_new_columns_and_says_so() -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.commit([row_at(1)])
        await run.start()
        server.now += timedelta(hours=4)
        server.schema_version = 2
        server.schema["properties"]["value"]["properties"]["ja4"] = {"type": "string"}
        server.commit([row_at(2, ja4="t13d")])
        await run.start()
        await run.start()
        assert server.requests["schema"] == 2
    said = [news for news in run.news if news.event == "new columns"]
    assert [news.facts["columns"] for news in said] == ["ja4"]
    extras = [row["extra"] for row in run.publisher.records("canvas.web_logs.v1", SCHEMAS)]
    assert sorted(filter(None, extras)) == ['{"ja4":"t13d"}']


async def test_a_missing_or_retyped_column_stops_the_agent_with_the_difference() -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.commit(ROWS)
        columns = server.schema["properties"]["value"]["properties"]
        del columns["course_id"]
        columns["user_id"] = {"type": "string"}
        with pytest.raises(
            OurMistake, match=r"user_id is string instead of integer; course_id is missing"
        ):
            await run.start()
    assert run.publisher.calls == 0


async def test_a_job_about_to_expire_is_not_begun_with() -> None:
    """The agent waits until it has, and asks again."""
    async with DapServer() as server:
        run = DapRun(server, clock=wall_clock)
        server.polls = 0
        server.commit(ROWS)
        server.job_life = timedelta(seconds=0.2)
        asking = asyncio.create_task(run.start(close_s=0.4))
        while not server.requests["data"]:  # noqa: ASYNC110 - the server counts, it does not tell
            await asyncio.sleep(0.01)
        server.job_life = timedelta(hours=24)
        await asking
        assert server.requests["data"] == 2
    assert run.ids() == ids_of(ROWS)


async def test_too_many_bad_rows_stop_before_anything_is_published() -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.rows_per_object = 1000
        server.commit([*ROWS, *(row_at(m, url=...) for m in range(200))])
        with pytest.raises(TooManyBadRecords, match="First reasons"):
            await run.start()
    assert run.publisher.calls == 0


async def test_a_full_spool_stops_with_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.commit(ROWS)
        with pytest.raises(OurMistake, match="of spool"):
            await run.start(spool_limit=1000, spool_directory=tmp_path)
        assert os.listdir(tmp_path) == []  # noqa: PTH208 - pathlib is for blocking code
        await run.start(spool_directory=tmp_path)
        assert os.listdir(tmp_path) == []  # noqa: PTH208
    assert run.ids() == ids_of(ROWS)


async def test_a_stop_while_dap_makes_a_window_publishes_nothing_of_it() -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.commit(ROWS)
        server.polls = 10**6
        waiting = asyncio.create_task(run.start(once=False))
        await asyncio.sleep(0.2)
        run.stopping.set()
        await asyncio.wait_for(waiting, 10)
    assert run.news[-1].event == "stopped"
    assert run.publisher.calls == 0


async def test_a_stop_in_the_middle_of_a_window_ends_between_two_transactions() -> None:
    async with DapServer() as server:
        run = DapRun(server)
        run.publisher = StoppingPublisher(run.stopping, at_call=3)
        server.commit(ROWS)
        cursor = await run.start(batch_rows=5)
        assert run.news[-1].event == "stopped"
        published = run.ids().total()
        assert 0 < published < len(ROWS)
        assert cursor is not None
        assert cursor.under_way
        assert cursor.published == published
        run.stopping.clear()
        await run.start(batch_rows=5)
    assert run.ids() == ids_of(ROWS)


async def test_no_address_of_a_download_reaches_a_log(caplog: pytest.LogCaptureFixture) -> None:
    async with DapServer() as server:
        run = DapRun(server)
        server.commit(ROWS)
        server.fail("signed", Fault(403))
        with caplog.at_level(logging.INFO):
            await run.start()
    assert "s3cr3t" not in caplog.text
    assert "s3cr3t" not in str(run.news)


async def test_nobody_is_told_that_the_library_is_used(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library reports its use to a third party unless told not to, and logs how that went."""
    monkeypatch.setenv("DAP_TRACKING", "true")
    async with DapServer() as server:
        run = DapRun(server)
        server.commit(ROWS)
        with caplog.at_level(logging.DEBUG):
            await run.start()
    assert run.ids() == ids_of(ROWS)
    assert "tracking" not in caplog.text.lower()
