"""What agents are told to hide is hidden, whichever agent it is."""

import ast
import asyncio
import json
from pathlib import Path

from joserfc.jwk import OctKey

import pipeline.ingest
from pipeline.codecs.avro import decode_one
from pipeline.codecs.privacy import Privacy
from pipeline.codecs.privacy_rules import PrivacyRules
from pipeline.codecs.protection import Protection
from pipeline.codecs.sealing import DeadLetterKey
from pipeline.domain.topics import COMPLETENESS, DEAD_LETTERS, WEB_LOGS
from pipeline.ingest.options import FileAgentOptions
from pipeline.ingest.web_log_files import ingest_web_logs_files
from tests.support.avro_schemas import project_schemas
from tests.support.memory_publisher import MemoryPublisher
from tests.support.raw_files import NOW, START, delete, row_at, write_lines

SCHEMAS = project_schemas()
HOUR = 3_600_000_000
KEY = DeadLetterKey(json.dumps(OctKey.generate_key(256).as_dict(private=True)))
PERSON, LOGIN = 48_151_623, "ann.lee@school.example"


def published(tmp_path: Path, *documents: object, protection: Protection) -> MemoryPublisher:
    publisher = MemoryPublisher()
    asyncio.run(
        ingest_web_logs_files(
            [str(write_lines(tmp_path / "a.jsonl", documents))],
            publisher=publisher,
            cursors=publisher,
            schemas=SCHEMAS,
            options=FileAgentOptions(max_bad_share=1.0, protection=protection),
            clock=lambda: NOW,
        )
    )
    return publisher


def records(publisher: MemoryPublisher, topic: str) -> list[dict[str, object]]:
    logs = publisher.topics[topic]
    return [decode_one(SCHEMAS, r.value) for log in logs for r in log if r.value is not None]


def test_every_agent_hands_the_protection_to_what_encodes_and_seals() -> None:
    """A new agent that forgets it would publish people where nobody should be named."""
    calls = []
    for path in Path(pipeline.ingest.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                given = {*map(ast.unparse, node.args), *(str(k.arg) for k in node.keywords)}
                if node.func.id == "BlockEncoder":
                    calls.append((path.name, any("protection" in one for one in given)))
                if node.func.id == "dead_letters":
                    calls.append((path.name, "seal" in given))
    assert len(calls) > 1
    assert not [name for name, protected in calls if not protected]


def test_with_pseudonyms_no_record_names_the_person_and_the_original_is_only_sealed(
    tmp_path: Path,
) -> None:
    privacy = Privacy(PrivacyRules(), b"k" * 32)
    bad = row_at(2, user_id=PERSON, http_status=LOGIN)
    publisher = published(
        tmp_path,
        row_at(1, user_id=PERSON, url=f"/users/{PERSON}?search_term={LOGIN}"),
        bad,
        protection=Protection(privacy, KEY.seal),
    )
    for logs in publisher.topics.values():
        for record in (record for log in logs for record in log):
            assert str(PERSON).encode() not in (record.key or b"") + (record.value or b"")
            assert LOGIN.encode() not in (record.value or b"")
    (row,) = records(publisher, WEB_LOGS.name)
    assert row["user_id"] == privacy.person(PERSON)
    (letter,) = records(publisher, DEAD_LETTERS.name)
    assert letter["payload"] == b""
    assert json.loads(KEY.open(letter["sealed"])) == json.loads(json.dumps(bad))


def test_without_a_key_nothing_is_sealed(tmp_path: Path) -> None:
    publisher = published(tmp_path, row_at(2, http_status="x"), protection=Protection())
    (letter,) = records(publisher, DEAD_LETTERS.name)
    assert letter["sealed"] is None
    assert letter["payload"]


def test_every_hour_is_counted_in_the_transaction_of_its_rows(tmp_path: Path) -> None:
    documents = [row_at(minute) for minute in (1, 2, 61)] + [delete(), {"x": 1}]
    publisher = published(tmp_path, *documents, protection=Protection())
    counted = records(publisher, COMPLETENESS.name)
    start = int(START.timestamp()) * 1_000_000
    of_rows = sorted((one["start"], one["published"]) for one in counted if one["published"])
    assert of_rows == [(start, 2), (start + HOUR, 1)]
    assert sum(one["deletes"] for one in counted) == 1
    assert sum(one["dead"] for one in counted) == 1
    first = min(counted, key=lambda one: one["start"])
    assert (first["first_at"], first["last_at"]) == (start + 60_000_000, start + 120_000_000)
    assert first["lag_max"] == NOW - start - 60_000_000
