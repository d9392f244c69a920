"""Coverage-guided fuzzing of the codecs: ``python -m tests.fuzz audit_pages|live_events|…``.

libFuzzer (atheris) changes real rows and events byte by byte, led by the branches that they take,
and stops at the first input that breaks a law of ``tests/support/fuzz_laws.py``; that input is
left in a file it names. Lines of a web_logs input and events of a live_events input are read
together, as they arrive.
"""

import argparse
import importlib
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import atheris

CODECS = Path(__file__).parents[2] / "pipeline" / "codecs"
# Before anything is instrumented: numba does not compile what atheris has put its counters into.
for kernels in sorted(CODECS.glob("*kernels.py")):
    importlib.import_module(f"pipeline.codecs.{kernels.stem}")

with atheris.instrument_imports(include=["pipeline.codecs", "pipeline.ingest.live_events_http"]):
    from tests.support.audit_laws import check_audit_page
    from tests.support.canvas.audit_server import Happened, document
    from tests.support.canvas.live_event_pairs import (
        SHAPES,
        Happening,
        in_caliper,
        in_canvas_format,
    )
    from tests.support.fuzz_laws import check_live_events, check_web_logs
    from tests.support.raw_rows import META, row
    from tests.support.signed_laws import CLAIMS, TOKENS, check_signed_post

SEPARATOR = b"\n"
FOUND = Path(".data/fuzz")
"""Where inputs that break a law are left."""


def live_events(data: bytes) -> None:
    check_live_events(data.split(SEPARATOR))


def web_logs(data: bytes) -> None:
    check_web_logs(data.split(SEPARATOR))


def event_seeds() -> list[Any]:
    user, course = 21_070_000_000_000_048, 21_070_000_000_000_565
    documents = []
    for name in SHAPES:
        happening = Happening(name, "ef686f8ed684abf78cbfa1f6a58112b5", user, course_id=course)
        documents += [in_canvas_format(happening), in_caliper(happening)]
    return [*documents, documents[:2], {"data": [{"type": "Event"}, 5]}]


def row_seeds() -> list[Any]:
    deleted = {"meta": META | {"action": "D"}, "key": {"id": row()["key"]["id"]}}
    odd = row(user_id="12", participated="t", http_status="404", url="/x?access_token=1~abc")
    return [row(), odd, deleted, row(timestamp="1999-12-31T23:59:59Z")]


def audit_seeds() -> list[Any]:
    first = Happened("e2b76430-27a5-0131-3ca1-48e0eb13f29b", 1_771_168_364_000_000, 565, 1)
    view = "1dd9dc6f-2fb0-4c19-a6c5-7ee1bf3ed295"
    seen = replace(first, id=view, page_view=view, session="ef686f8ed684abf78cbfa1f6a58112b5")
    odd = replace(first, data="{}", user=None, type="copied_to", raw=None)
    return [document([first]), document([seen, odd, first])]


def signed_seeds() -> list[bytes]:
    return [*TOKENS, *CLAIMS]


TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], Sequence[Any]]]] = {
    "audit_pages": (check_audit_page, audit_seeds),
    "live_events": (live_events, event_seeds),
    "signed_posts": (check_signed_post, signed_seeds),
    "web_logs": (web_logs, row_seeds),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    target, seeds = TARGETS[given.target]
    with tempfile.TemporaryDirectory(prefix="canvas-telemetry-fuzz-") as corpus:
        for number, seed in enumerate(seeds()):
            data = seed if isinstance(seed, bytes) else json.dumps(seed).encode()
            (Path(corpus) / f"seed-{number}").write_bytes(data)
        limits = [f"-max_total_time={given.seconds}", "-timeout=20", "-rss_limit_mb=3072"]
        FOUND.mkdir(parents=True, exist_ok=True)
        artifacts = f"-artifact_prefix={FOUND}/{given.target}-"
        atheris.Setup([sys.argv[0], corpus, "-max_len=8192", *limits, artifacts], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
