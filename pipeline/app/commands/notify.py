"""``notify`` and ``notify test``."""

import asyncio
import json
import sys

import aiohttp
from rich.console import Console

from pipeline.app.logs import set_up_logs
from pipeline.app.notify import alertmanager
from pipeline.app.notify.channels import Refused
from pipeline.app.notify.http import host_of, post
from pipeline.app.notify.manager_lane import PATH
from pipeline.app.notify.notices import Notice, example
from pipeline.app.notify.running import channels, check_channels, run_notify
from pipeline.app.settings import Settings, load_settings
from pipeline.codecs.cloud_events import instant
from pipeline.domain.errors import Unavailable
from pipeline.domain.event_time import MICROS
from pipeline.domain.exit_codes import ExitCode
from pipeline.ingest.clock import wall_clock


def notify() -> None:
    """Tell people of alerts, until a signal ends it."""
    settings = load_settings()
    set_up_logs(settings)
    asyncio.run(run_notify(settings))


def test() -> None:
    """Send a test message to every channel and print what became of it; exit 1 if one failed."""
    settings = load_settings()
    set_up_logs(settings)
    check_channels(settings)
    outcomes = asyncio.run(send_test(settings))
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for name, trouble in outcomes.items():
        console.print(f"{name}: {trouble or 'taken'}")
    if any(outcomes.values()):
        sys.exit(ExitCode.DIFFERENCES)


async def send_test(settings: Settings) -> dict[str, str | None]:
    """Return channel → why it did not take a test message, None if it did; each is tried once."""
    notice = example(wall_clock())
    outcomes: dict[str, str | None] = {}
    async with aiohttp.ClientSession() as session:
        for channel in channels(settings, session):
            try:
                await channel.send(notice)
                outcomes[channel.name] = None
            except (Unavailable, Refused) as error:
                outcomes[channel.name] = str(error)
        for url in settings.notify_alertmanager_urls:
            name = f"alertmanager {host_of(url)}"
            try:
                await _fire(session, url, notice, settings.site_name)
                outcomes[name] = None
            except (Unavailable, Refused) as error:
                outcomes[name] = str(error)
    return outcomes


async def _fire(session: aiohttp.ClientSession, url: str, notice: Notice, site: str) -> None:
    """Let a test alert fire for a minute."""
    now = wall_clock()
    alert = {
        "labels": alertmanager.labels_of(notice.record, "info", site),
        "annotations": alertmanager.annotations_of(notice.record),
        "startsAt": instant(now),
        "endsAt": instant(now + 60 * MICROS),
    }
    body = json.dumps([alert]).encode()
    await post(session, url.rstrip("/") + PATH, body, {"Content-Type": "application/json"})
