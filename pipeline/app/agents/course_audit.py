"""``ingest course-audit``, wired: settings in, rounds over the audit log out."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from pipeline.app.agents.running import run_agent
from pipeline.app.ingesting import PATIENCE_S
from pipeline.app.settings import PREFIX, Settings
from pipeline.codecs.canonical import canvas_id
from pipeline.domain.errors import SettingsError
from pipeline.domain.event_time import MINUTE
from pipeline.ingest.course_audit.agent import poll_course_audit
from pipeline.ingest.course_audit.options import AuditOptions
from pipeline.ingest.course_audit.round import Round
from pipeline.ingest.figures import AgentFigures
from pipeline.ingest.tools import AgentTools

AGENT: Final = "course-audit"


async def ingest_course_audit(
    settings: Settings, options: AuditOptions, figures: AgentFigures
) -> Round | None:
    """Publish rounds until a signal ends it, or one with ``options.once``.

    Raises OurMistake, TooManyBadRecords, Fenced, and with ``options.once`` Unavailable.
    """

    async def work(tools: AgentTools) -> Round | None:
        return await poll_course_audit(tools, options)

    patience_s = PATIENCE_S if options.once else None
    return await run_agent(settings, AGENT, work, patience_s=patience_s, figures=figures)


def audit_options(
    settings: Settings,
    *,
    once: bool,
    since: int | None,
    max_bad_share: float | None,
    say: Callable[[str], None],
) -> AuditOptions:
    """Return the options of the agent; raise SettingsError without instance and token."""
    if settings.audit_url is None or settings.audit_token is None:
        raise SettingsError(
            f"{PREFIX}AUDIT_URL and {PREFIX}AUDIT_TOKEN are needed: the Canvas instance, and an "
            "access token of a user who may view course change logs at the root account"
        )
    file = settings.audit_courses_file
    return AuditOptions(
        url=settings.audit_url,
        token=settings.audit_token.get_secret_value(),
        account=settings.audit_account,
        courses=None if file is None else _courses(file),
        since=since,
        every=settings.audit_every_minutes * MINUTE,
        overlap=settings.audit_overlap_minutes * MINUTE,
        requests_per_hour=settings.audit_requests_per_hour,
        home_shard=settings.home_shard,
        root_account_id=settings.root_account_id,
        max_bad_share=settings.max_bad_share if max_bad_share is None else max_bad_share,
        record_limit=settings.record_limit_bytes,
        once=once,
        say=say,
    )


def _courses(file: Path) -> list[int]:
    courses = set()
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            course = canvas_id(line)
        except ValueError:
            raise SettingsError(f"{file}:{number} is no course id") from None
        if course is not None:
            courses.add(course)
    if not courses:
        raise SettingsError(f"there are no course ids in {file}")
    return sorted(courses)
