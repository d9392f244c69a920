"""The frame of the live agents: it begins anew, gives up, and ends as it is told."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pipeline.app.agents.live_events_http import endpoint_options
from pipeline.app.agents.persistence import FENCED_IN_A_ROW, Patience, keep_working
from pipeline.app.settings import Settings
from pipeline.domain.errors import (
    Fenced,
    OurMistake,
    SettingsError,
    TooManyBadRecords,
    Unavailable,
)
from pipeline.ingest.figures import AgentFigures

QUICK = Patience(first_s=0.001, longest_s=0.002, stop_s=0.05)


class Work:
    """Fails as it is told, then returns ``done``."""

    def __init__(self, *failures: Exception) -> None:
        self.calls = 0
        self._failures = list(failures)

    async def __call__(self) -> str:
        self.calls += 1
        await asyncio.sleep(0)
        if self._failures:
            raise self._failures.pop(0)
        return "done"


async def result(
    work: Callable[[], Awaitable[str]],
    stopping: asyncio.Event | None = None,
    patience: Patience = QUICK,
    figures: AgentFigures | None = None,
) -> str | None:
    return await keep_working(
        work, "test", stopping or asyncio.Event(), figures or AgentFigures(), patience
    )


async def test_a_server_that_is_away_makes_the_work_begin_anew() -> None:
    work, figures = Work(*[Unavailable("away")] * 7), AgentFigures()
    assert await result(work, figures=figures) == "done"
    assert work.calls == 8
    assert figures.restarts == 7


@pytest.mark.parametrize("error", [OurMistake("x"), TooManyBadRecords("x"), ZeroDivisionError()])
async def test_what_no_retry_helps_ends_it_at_once(error: Exception) -> None:
    work = Work(Unavailable("away"), error)
    with pytest.raises(type(error)):
        await result(work)
    assert work.calls == 2


async def test_a_second_process_of_the_same_name_ends_it_in_the_end() -> None:
    work = Work(*[Fenced("taken over")] * 100)
    with pytest.raises(Fenced):
        await result(work)
    assert work.calls == FENCED_IN_A_ROW


async def test_brokers_that_were_away_may_fence_a_lone_agent() -> None:
    several = [Fenced("refused"), Unavailable("away")] * FENCED_IN_A_ROW
    assert await result(Work(*several)) == "done"


async def test_patience_that_is_bounded_ends() -> None:
    with pytest.raises(Unavailable):
        await result(
            Work(*[Unavailable("away")] * 100_000), patience=Patience(0.001, 0.002, 9, 0.05)
        )


async def test_a_stop_is_learnt_while_waiting() -> None:
    stopping = asyncio.Event()
    waiting = asyncio.ensure_future(
        result(Work(Unavailable("away")), stopping, Patience(first_s=3600))
    )
    await asyncio.sleep(0.01)
    stopping.set()
    assert await waiting is None


async def test_a_work_that_does_not_end_when_it_is_asked_to_is_cut_off() -> None:
    stopping, cancelled = asyncio.Event(), asyncio.Event()

    async def deaf() -> str:
        try:
            await asyncio.sleep(3600)
        finally:
            cancelled.set()
        return "never"

    waiting = asyncio.ensure_future(result(deaf, stopping))
    await asyncio.sleep(0.01)
    stopping.set()
    assert await waiting is None
    assert cancelled.is_set()


async def test_a_work_that_is_done_when_it_is_asked_to_end_returns() -> None:
    stopping = asyncio.Event()

    async def obedient() -> str:
        await stopping.wait()
        return "in order"

    waiting = asyncio.ensure_future(result(obedient, stopping))
    await asyncio.sleep(0.01)
    stopping.set()
    assert await waiting == "in order"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"http_signed": False}, "HTTP_PATH_SECRET"),
        ({"http_username": "canvas"}, "HTTP_PASSWORD"),
        ({"http_jwks": "/nowhere/keys.json"}, "HTTP_JWKS"),
        ({"http_cert_file": "/nowhere/cert.pem"}, "HTTP_CERT_FILE"),
    ],
)
def test_settings_that_let_anybody_in_or_nobody_are_refused(
    values: dict[str, str], named: str
) -> None:
    with pytest.raises(SettingsError, match=named):
        endpoint_options(Settings.model_validate(values))
