"""``ingest live-events-http``, wired: settings in, a listening agent out."""

import ssl
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from pipeline.app.agents.running import run_agent
from pipeline.app.settings import PREFIX, Settings
from pipeline.domain.errors import SettingsError
from pipeline.ingest.figures import AgentFigures
from pipeline.ingest.live_batches import LiveBatchOptions
from pipeline.ingest.live_events_http.endpoint import Endpoint
from pipeline.ingest.live_events_http.options import EndpointOptions
from pipeline.ingest.live_events_http.signing_keys import SigningKeys, fetch_from

AGENT = "live-events-http"


async def ingest_live_events_http(settings: Settings) -> None:
    """Take posts until a signal ends it. Raises OurMistake, TooManyBadRecords, Fenced."""
    keys = SigningKeys(
        fetch_from(settings.http_jwks), refresh_s=settings.http_jwks_refresh_minutes * 60.0
    )
    figures = AgentFigures()
    async with Endpoint(endpoint_options(settings), keys, figures) as endpoint:
        await run_agent(
            settings, AGENT, endpoint.work, instance=settings.http_instance, figures=figures
        )


def endpoint_options(settings: Settings) -> EndpointOptions:
    """Return the options of the endpoint; raise SettingsError for settings that let anybody in."""
    if not settings.http_signed and not (settings.http_path_secret or settings.http_username):
        raise SettingsError(
            f"{PREFIX}HTTP_SIGNED is false, so {PREFIX}HTTP_PATH_SECRET or "
            f"{PREFIX}HTTP_USERNAME must say who may post events"
        )
    if settings.http_username is not None and not settings.http_password:
        raise SettingsError(f"{PREFIX}HTTP_USERNAME needs {PREFIX}HTTP_PASSWORD")
    jwks = settings.http_jwks
    if urlsplit(jwks).scheme not in ("http", "https") and not Path(jwks).is_file():
        raise SettingsError(f"{PREFIX}HTTP_JWKS: there is no file {jwks}")
    return EndpointOptions(
        host=settings.http_host,
        port=settings.http_port,
        path=settings.http_path,
        signed=settings.http_signed,
        secret=_secret(settings.http_path_secret),
        username=settings.http_username,
        password=_secret(settings.http_password),
        tls=_tls(settings),
        max_body_bytes=settings.http_max_body_bytes,
        answer_s=settings.http_answer_s,
        max_posts=settings.http_max_waiting,
        batches=LiveBatchOptions(
            max_waiting=settings.http_max_waiting,
            max_bad_share=settings.http_max_bad_share,
            record_limit=settings.record_limit_bytes,
        ),
    )


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.http_cert_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.http_cert_file, settings.http_key_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"{PREFIX}HTTP_CERT_FILE cannot be used: {error.strerror}") from error
    return context


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None
