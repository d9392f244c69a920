"""The object graph, on one page: settings in, ready objects out.

The tasks of the stages are in ``stage_tasks``: an agent starts without the engine.
"""

from typing import TYPE_CHECKING

from pydantic import SecretStr

from pipeline.app.settings import Settings
from pipeline.codecs.privacy import Privacy
from pipeline.codecs.privacy_rules import PrivacyRules
from pipeline.codecs.protection import Protection
from pipeline.codecs.schemas import Schemas
from pipeline.domain.errors import SettingsError
from pipeline.kafka.registry import ConfluentRegistry, FileRegistry, RegistryAccess

if TYPE_CHECKING:
    from pipeline.detect.rules import AnyRule


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


def rules(settings: Settings) -> "list[AnyRule]":
    """Return the rules of the rules directory. Raises OurMistake with file, line and mistake."""
    # An agent has no rules, and should start soon.
    from pipeline.app.rule_files import read_rules  # noqa: PLC0415

    return read_rules(settings.rules_dir, settings.time_zone)
