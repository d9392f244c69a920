"""The lane to one Alertmanager: a round so often, and at once after a change."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

import aiohttp
import structlog

from pipeline.app.notify import alertmanager
from pipeline.app.notify.alertmanager import Rhythm
from pipeline.app.notify.book import Entry
from pipeline.app.notify.channels import LaneFigures, Refused
from pipeline.app.notify.http import host_of, post
from pipeline.domain.errors import Unavailable

PATH: Final = "/api/v2/alerts"
_JSON: Final[Mapping[str, str]] = {"Content-Type": "application/json"}
LONGEST_PAUSE_S: Final = 60.0
MICROS: Final = 1_000_000

log = structlog.get_logger(__name__)


class ManagerLane:
    """Posts the present state. ``entries`` gives what is to be known there; None: not ready."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        rhythm: Rhythm,
        entries: Callable[[], Iterable[Entry] | None],
        clock: Callable[[], int],
        *,
        site: str,
        heartbeat: bool,
        undelivered: Callable[[Mapping[str, Any], str, str], Awaitable[None]],
    ) -> None:
        self.name = f"alertmanager {host_of(url)}"
        self.figures = LaneFigures()
        self._session = session
        self._url = url.rstrip("/") + PATH
        self._rhythm = rhythm
        self._entries = entries
        self._clock = clock
        self._site = site
        self._heartbeat = heartbeat
        self._undelivered = undelivered
        self._changed = asyncio.Event()
        self._dirty: int | None = None
        self._refused: set[str] = set()

    @property
    def waiting(self) -> int:
        """1 if a change has not been posted yet."""
        return int(self._dirty is not None)

    @property
    def oldest_offset(self) -> int | None:
        """Offset of the first change that was not posted yet."""
        return self._dirty

    def changed(self, offset: int) -> None:
        """Take note of a record; the next round has it."""
        self._dirty = offset if self._dirty is None else min(self._dirty, offset)

    def now(self) -> None:
        """Let the next round come at once."""
        self._changed.set()

    def forget(self) -> None:
        """Forget what was not posted: the records come again."""
        self._dirty = None

    async def run(self) -> None:
        """Post rounds until cancelled."""
        every_s = self._rhythm.every / MICROS
        failing_s: float | None = None
        while True:
            if failing_s is not None:
                await asyncio.sleep(failing_s)
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(every_s):
                        await self._changed.wait()
            self._changed.clear()
            entries = self._entries()
            if entries is None:
                continue
            if await self._round(entries):
                failing_s = None
            else:
                failing_s = min(2 * failing_s if failing_s else 1.0, LONGEST_PAUSE_S, every_s)

    async def _round(self, entries: Iterable[Entry]) -> bool:
        now = self._clock()
        dirty, self._dirty = self._dirty, None
        alerts = alertmanager.round_of(entries, now, self._rhythm, self._site)
        if self._heartbeat:
            alerts.append(alertmanager.heartbeat(now, self._rhythm.every, self._site))
        try:
            try:
                await self._post(alerts)
            except Refused:
                await self._one_by_one(alerts)
        except Unavailable as error:
            if dirty is not None:
                self.changed(dirty)
            self.figures.outcomes["retried"] += 1
            log.warning("waiting", channel=self.name, why=str(error))
            return False
        self.figures.outcomes["sent"] += 1
        self.figures.last_success = now / MICROS
        return True

    async def _post(self, alerts: list[alertmanager.Alert]) -> None:
        if alerts:
            await post(self._session, self._url, alertmanager.body(alerts), _JSON)

    async def _one_by_one(self, alerts: list[alertmanager.Alert]) -> None:
        """Post alerts alone, so that one that is refused keeps no other back."""
        for alert in alerts:
            try:
                await self._post([alert])
            except Refused as error:
                labels = alert["labels"]
                episode = labels.get("episode", labels["alertname"])
                if episode in self._refused:
                    continue
                self._refused.add(episode)
                self.figures.outcomes["undelivered"] += 1
                log.error(  # noqa: TRY400 - no traceback: the reason says it
                    "alert_undelivered", channel=self.name, episode=episode, why=str(error)
                )
                if "fingerprint" in labels:
                    await self._undelivered(labels, self.name, str(error))
