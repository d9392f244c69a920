"""The object graph, on one page: settings in, ready objects out."""

import structlog

from pipeline.app.settings import Settings
from pipeline.codecs.schemas import Schemas
from pipeline.detect.detection import Detection
from pipeline.detect.rules import AnyRule, check_references, load_rule
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


def rules(settings: Settings) -> list[AnyRule]:
    """Return the rules of the rules directory. Raises OurMistake naming file and mistake."""
    files = sorted(settings.rules_dir.glob("*.yaml"))
    if not files:
        raise SettingsError(f"there are no rules in {settings.rules_dir}")
    found = [load_rule(path.read_text(encoding="utf-8"), path.name) for path in files]
    check_references(found)
    return found


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


def detect_task(settings: Settings, known: Schemas, partitions: int) -> DetectTask:
    """Return the detect stage's one task; ``partitions`` is the number of input partitions."""
    return DetectTask(
        settings.event_time(),
        Detection(rules(settings)),
        known,
        partitions=partitions,
        generation=settings.generation,
        max_keys=settings.max_keys_per_minute or None,
    )
