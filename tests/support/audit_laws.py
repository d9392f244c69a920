"""What holds for any bytes that come as a page of the audit log."""

from pipeline.codecs.avro import ColumnEncoder
from pipeline.codecs.course_audit import (
    NotAuditPage,
    PageOrigin,
    read_audit_page,
    with_audit_agent_columns,
)
from pipeline.codecs.dead_letters import dead_letters
from pipeline.codecs.json_text import read_json
from pipeline.domain.feeds import COURSE_AUDIT
from tests.support.avro_schemas import raw_schemas

NOW = 1_771_200_000_000_000
SCHEMAS = raw_schemas()
ROWS = ColumnEncoder(SCHEMAS["course_audit"], 1)
LETTERS = ColumnEncoder(SCHEMAS["dead_letter"], 2)


def check_audit_page(payload: bytes) -> None:
    """Bytes are no page, or every event of it can be published, as a row or as a dead letter."""
    try:
        page = read_audit_page(payload, PageOrigin("accounts/1", NOW))
    except NotAuditPage:
        return
    assert page.read == len(read_json(payload)["events"])
    assert [bad.position for bad in page.bad] == sorted({bad.position for bad in page.bad})
    rows = with_audit_agent_columns(
        page.rows, source="x", account_id=1, root_account_id=None, ingested_at=NOW
    )
    assert len(ROWS.encode(rows)) == page.rows.height
    records = [bad.record for bad in page.bad]
    letters = dead_letters(records, source="x", feed=COURSE_AUDIT, happened_at=NOW)
    assert len(LETTERS.encode(letters)) == len(records)
