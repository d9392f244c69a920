"""``run``: one stage in this process, or several, supervised, in a process each."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import typer

from pipeline.app.catching_up import close_event_time, tallies, wait_until_caught_up
from pipeline.app.logs import set_up_logs
from pipeline.app.progress import counting
from pipeline.app.settings import PREFIX, Settings, load_settings
from pipeline.app.stages import STAGES
from pipeline.app.supervisor import Supervisor
from pipeline.app.totals import totals_line
from pipeline.app.worker import run_stage
from pipeline.domain.errors import SettingsError


def run(stages: Sequence[str], *, until_caught_up: bool, close: bool) -> None:
    """Run stages until a signal, or until they have caught up."""
    settings = load_settings()
    set_up_logs(settings)
    unknown = set(stages) - set(STAGES)
    if unknown:
        raise SettingsError(f"there is no stage {min(unknown)!r}; there are {', '.join(STAGES)}")
    if close and not until_caught_up:
        raise SettingsError("--close belongs to --until-caught-up")
    chosen = tuple(stage for stage in STAGES if stage in stages) or STAGES
    if len(chosen) == 1 and not until_caught_up:
        sys.exit(run_stage(chosen[0], settings))
    supervisor = Supervisor(chosen, os.environ, _ports(settings, chosen))
    with _supervised(supervisor):
        asyncio.run(
            _catch_up(settings, chosen, supervisor, close=close)
            if until_caught_up
            else _for_ever(supervisor)
        )


async def _for_ever(supervisor: Supervisor) -> None:
    while True:
        supervisor.check()
        await asyncio.sleep(0.2)


async def _catch_up(
    settings: Settings, stages: Sequence[str], supervisor: Supervisor, *, close: bool
) -> None:
    with counting("catching up", "offsets behind") as progressed:
        await wait_until_caught_up(
            settings, stages, supervisor.check, lambda _stage, behind: progressed(behind)
        )
        if close:
            await close_event_time(settings)
            await wait_until_caught_up(
                settings, stages, supervisor.check, lambda _stage, behind: progressed(behind)
            )
    typer.echo(totals_line(stages, await tallies(settings)))


def _ports(settings: Settings, stages: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return a metrics port for each stage: the setting is the first's, the others follow."""
    first = settings.metrics_port
    if not first:
        return {}
    return {
        stage: {f"{PREFIX}METRICS_PORT": str(first + number)} for number, stage in enumerate(stages)
    }


@contextmanager
def _supervised(supervisor: Supervisor) -> Iterator[None]:
    """Start the stages; stop them in order, whatever ends the block."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, leave)
    try:
        supervisor.start()
        yield
    except KeyboardInterrupt:
        pass
    finally:
        supervisor.stop()
        signal.signal(signal.SIGTERM, before)
