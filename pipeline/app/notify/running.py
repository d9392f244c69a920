"""``notify``, wired: settings in, a process that runs for ever out."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

import aiohttp
import structlog

from pipeline.app import wiring
from pipeline.app.agents.persistence import Patience, keep_working
from pipeline.app.notify.acting import publish_actions
from pipeline.app.notify.alertmanager import Rhythm
from pipeline.app.notify.channels import Channel, Lane, Persistence, Refused
from pipeline.app.notify.http import post
from pipeline.app.notify.mail import Mail, MailServer
from pipeline.app.notify.manager_lane import ManagerLane
from pipeline.app.notify.notices import Notice
from pipeline.app.notify.observing import ObservedNotify
from pipeline.app.notify.service import NotifyFigures, Notifying
from pipeline.app.notify.slack import Slack
from pipeline.app.notify.templates import Templates
from pipeline.app.notify.webhook import Webhook
from pipeline.app.process_frame import served, signals_set
from pipeline.app.settings import PREFIX, Settings
from pipeline.codecs.schemas import Schemas
from pipeline.domain.alerts import UNDELIVERED, Action
from pipeline.domain.errors import SettingsError, Unavailable
from pipeline.domain.event_time import HOUR, MICROS
from pipeline.domain.topics import ALERT_ACTIONS, ANOMALIES
from pipeline.ingest.clock import wall_clock
from pipeline.ingest.figures import AgentFigures
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.following import TopicFollower, TopicTail
from pipeline.kafka.topics import require_topics

STAGE: Final = "notify"
UNREADY_S: Final = 0.5
WHO: Final = "canvas-telemetry notify"

log = structlog.get_logger(__name__)


async def run_notify(settings: Settings) -> None:
    """Tell people of alerts until a signal ends it; servers that are away are waited for.

    Raises OurMistake.
    """
    check_channels(settings)
    observed = ObservedNotify(AgentFigures(), NotifyFigures())
    stopping = asyncio.Event()

    async def attempt() -> None:
        await _tell(settings, observed, stopping)

    async with served(settings, observed):
        with signals_set(stopping):
            await keep_working(attempt, STAGE, stopping, observed.work, Patience())


async def _tell(settings: Settings, observed: ObservedNotify, stopping: asyncio.Event) -> None:
    """Tell people of alerts until a server does not answer, or ``stopping``."""
    known = await asyncio.to_thread(wiring.schemas, settings)
    connection = settings.kafka(client_id=f"{settings.app_id}-{STAGE}")
    await require_topics(connection, [ANOMALIES.name, ALERT_ACTIONS.name])
    notifying = Notifying(
        known,
        wall_clock,
        max_age=int(settings.notify_max_age_hours * HOUR),
        least_severity=settings.notify_least_severity,
        figures=observed.figures,
    )
    async with (
        aiohttp.ClientSession() as session,
        TopicTail(connection, ALERT_ACTIONS.name) as tail,
        _follower(settings, connection) as follower,
    ):
        undelivered = _undelivered(settings, known)
        persistence = Persistence(total_s=settings.notify_give_up_minutes * 60)
        notifying.lanes = [
            Lane(channel, undelivered, time.time, persistence)
            for channel in channels(settings, session)
        ]
        notifying.managers = _managers(settings, session, notifying, known)
        observed.notifying = notifying
        async with _beating(settings, session, observed.figures):
            await notifying.run(follower, tail, stopping)


def _follower(settings: Settings, connection: KafkaConnection) -> TopicFollower:
    name = settings.group_instance_id
    return TopicFollower(
        connection,
        ANOMALIES.name,
        settings.group(STAGE),
        session_s=settings.session_timeout_s,
        instance=None if name is None else f"{name}-{STAGE}",
    )


def check_channels(settings: Settings) -> None:
    """Raise SettingsError if nobody would be told, or templates are wrong."""
    Templates(settings.notify_templates_dir)
    if not any(
        (
            settings.notify_alertmanager_urls,
            settings.notify_webhook_url,
            settings.notify_slack_url,
            settings.notify_email_to,
        )
    ):
        raise SettingsError(
            f"notify has nobody to tell: set {PREFIX}NOTIFY_ALERTMANAGER_URLS, _WEBHOOK_URL, "
            "_SLACK_URL or _EMAIL_TO"
        )


def channels(settings: Settings, session: aiohttp.ClientSession) -> list[Channel]:
    """Return the channels that have an address, Alertmanagers apart."""
    templates = Templates(settings.notify_templates_dir, settings.site_name)
    found: list[Channel] = []
    if settings.notify_webhook_url is not None:
        secret = settings.notify_webhook_secret
        found.append(
            Webhook(
                session,
                settings.notify_webhook_url.get_secret_value(),
                secret.get_secret_value() if secret else None,
                time.time,
                settings.site_name,
            )
        )
    if settings.notify_slack_url is not None:
        found.append(Slack(session, settings.notify_slack_url.get_secret_value(), templates))
    if settings.notify_email_to:
        found.append(_mail(settings, templates))
    return found


def _mail(settings: Settings, templates: Templates) -> Mail:
    password = settings.notify_smtp_password
    server = MailServer(
        settings.notify_smtp_host,
        settings.notify_smtp_port,
        settings.notify_smtp_security,
        settings.notify_smtp_username,
        password.get_secret_value() if password else None,
    )
    sender, recipients = settings.notify_email_from, settings.notify_email_to
    return Mail(server, sender, recipients, templates, time.time)


def _managers(
    settings: Settings, session: aiohttp.ClientSession, notifying: Notifying, known: Schemas
) -> list[ManagerLane]:
    return [
        ManagerLane(
            session,
            url,
            rhythm(settings),
            notifying.sendable,
            wall_clock,
            site=settings.site_name,
            heartbeat=settings.notify_heartbeat,
            undelivered=_refused(settings, known),
        )
        for url in settings.notify_alertmanager_urls
    ]


def rhythm(settings: Settings) -> Rhythm:
    """Return the times of rounds to Alertmanagers."""
    return Rhythm(
        every=int(settings.notify_alertmanager_every_s * MICROS),
        hold=int(settings.notify_alertmanager_hold_s * MICROS),
    )


def _undelivered(settings: Settings, known: Schemas) -> Callable[[Notice, str, str], Any]:
    refused = _refused(settings, known)

    async def publish(notice: Notice, channel: str, why: str) -> None:
        await refused(notice.record, channel, why)

    return publish


def _refused(settings: Settings, known: Schemas) -> Callable[[Mapping[str, Any], str, str], Any]:
    """Return what makes a dead end visible on the topic of actions."""

    async def publish(alert: Mapping[str, Any], channel: str, why: str) -> None:
        action = Action(
            fingerprint=alert["fingerprint"],
            action=UNDELIVERED,
            who=WHO,
            why=why,
            until=None,
            acted_at=wall_clock(),
            episode=alert["episode"],
            channel=channel,
        )
        transactional_id = f"{settings.app_id}-{STAGE}"
        await publish_actions(settings.kafka(transactional_id), transactional_id, known, [action])

    return publish


@contextlib.asynccontextmanager
async def _beating(
    settings: Settings, session: aiohttp.ClientSession, figures: NotifyFigures
) -> AsyncIterator[None]:
    """Post to the heartbeat address so often while all is well."""
    if settings.notify_heartbeat_url is None:
        yield
        return
    url = settings.notify_heartbeat_url.get_secret_value()

    async def beat() -> None:
        while True:
            if not figures.ready:
                await asyncio.sleep(UNREADY_S)
                continue
            try:
                await post(session, url, b"", {})
            except (Unavailable, Refused) as error:
                log.warning("heartbeat", why=str(error))
            await asyncio.sleep(settings.notify_heartbeat_every_s)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
