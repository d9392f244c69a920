"""The object graph, on one page: settings in, ready objects out."""

import structlog
from pydantic import SecretStr

from pipeline.app.rule_files import read_rules
from pipeline.app.rule_watch import RuleWatch
from pipeline.app.settings import Settings
from pipeline.codecs.privacy import Privacy
from pipeline.codecs.privacy_rules import PrivacyRules
from pipeline.codecs.protection import Protection
from pipeline.codecs.schemas import Schemas
from pipeline.detect.detection import Detection
from pipeline.detect.rules import AnyRule
from pipeline.domain.errors import SettingsError
from pipeline.engine.detect_task import DetectTask
from pipeline.engine.placement import PlacementCheck
from pipeline.engine.sessionize_task import SessionizeTask
from pipeline.kafka.registry import ConfluentRegistry, FileRegistry, RegistryAccess


def schemas(settings: Settings, *, register: bool = False) -> Schemas:
    """Return the schemas under the registry's ids, or under fingerprints without a registry."""
    if settings.registry_url is None:
        return FileRegistry(settings.schemas_dir).schemas()
    password = settings.registry_password
    access = RegistryAccess(
        settings.registry_url,
        settings.registry_username,
        password.get_secret_value() if password else None,
    )
    registry = ConfluentRegistry(access, settings.schemas_dir, named=settings.kafka().named)
    return registry.schemas(register=register)


def privacy(settings: Settings) -> Privacy | None:
    """Return what replaces people; None if nobody is to be. Raises SettingsError."""
    if settings.privacy == "none":
        return None
    try:
        return Privacy(
            PrivacyRules(
                users=settings.privacy_users,
                names=settings.privacy_names,
                ips=settings.privacy_ips,
                urls=settings.privacy_urls,
                texts=settings.privacy_texts,
                user_agents=settings.privacy_user_agents,
            ),
            bytes.fromhex(_secret(settings.privacy_key)),
            home_shard=settings.home_shard,
            record_limit=settings.record_limit_bytes,
        )
    except ValueError:
        raise SettingsError(
            "CANVAS_TELEMETRY_PRIVACY_KEY should be at least 64 hex digits; "
            "make one with: openssl rand -hex 32"
        ) from None


def protection(settings: Settings) -> Protection:
    """Return what agents do to records before they publish them. Raises SettingsError."""
    if settings.dead_letter_key is None:
        return Protection(privacy(settings))
    # Cryptography is loaded only where it is used.
    from pipeline.codecs.sealing import DeadLetterKey  # noqa: PLC0415

    try:
        key = DeadLetterKey(_secret(settings.dead_letter_key))
    except ValueError as error:
        raise SettingsError(f"CANVAS_TELEMETRY_DEAD_LETTER_KEY: {error}") from None
    return Protection(privacy(settings), key.seal)


def _secret(value: SecretStr | None) -> str:
    return "" if value is None else value.get_secret_value()


def rules(settings: Settings) -> list[AnyRule]:
    """Return the rules of the rules directory. Raises OurMistake with file, line and mistake."""
    return read_rules(settings.rules_dir)


def sessionize_task(settings: Settings, known: Schemas, partition: int) -> SessionizeTask:
    """Return the sessionize task of a partition."""
    log = structlog.get_logger(__name__)
    return SessionizeTask(
        partition,
        settings.event_time(),
        known,
        generation=settings.generation,
        placement=PlacementCheck(
            partition, settings.partitions, lambda said: log.warning("wrong partition", said=said)
        ),
    )


def detect_task(
    settings: Settings, known: Schemas, partitions: int, watch: RuleWatch | None = None
) -> DetectTask:
    """Return the detect stage's one task; ``partitions`` is the number of input partitions.

    It goes on with other rules when ``watch`` finds them; without one its rules stay.
    """
    return DetectTask(
        settings.event_time(),
        Detection(rules(settings) if watch is None else watch.rules),
        known,
        partitions=partitions,
        generation=settings.generation,
        max_keys=settings.max_keys_per_minute or None,
        new_rules=_nothing_new if watch is None else watch.follow(),
    )


def _nothing_new() -> None:
    return None
