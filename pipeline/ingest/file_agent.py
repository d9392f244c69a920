"""The agent for files of one feed: files → rows in event order, marks, erasures, dead letters.

Files are read to their ends before anything is published: so a damaged file or too many bad
records stop the run with nothing done, and event hours of all files go out together (semantics
rule 17): what several hosts wrote at one time is published at one time, and no row is late because
of a row of another file. What a killed run has published is known by its cursors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import BinaryIO, Final

from pipeline.codecs.marks import Mark
from pipeline.codecs.schemas import Schemas
from pipeline.domain import topics
from pipeline.domain.errors import OurMistake
from pipeline.domain.event_time import HOUR
from pipeline.ingest.batch import TransactionBatch
from pipeline.ingest.clock import Clock, wall_clock
from pipeline.ingest.content import Content
from pipeline.ingest.cursors import CursorBook, FileCursor, knows_size, load_cursors
from pipeline.ingest.encoding import BlockEncoder
from pipeline.ingest.file_feed import FileFeed
from pipeline.ingest.inputs import InputFile, expand_inputs
from pipeline.ingest.options import FileAgentOptions
from pipeline.ingest.prepared_file import Preparation, PreparedFile, hour_end
from pipeline.ingest.publisher import CursorSource, Publisher
from pipeline.ingest.row_form import RowForm
from pipeline.ingest.spool import DEAD_LETTERS, ERASURES, SpoolDirectory
from pipeline.ingest.totals import IngestTotals, Progress, ReportProgress, say_nothing
from pipeline.ingest.worker_thread import WorkerThread

BEHIND_LARGEST: Final = HOUR
"""The last mark stays so far behind the largest event time: the next window may overlap."""


async def ingest_files_of(
    feed: FileFeed,
    paths: Sequence[str],
    *,
    publisher: Publisher,
    cursors: CursorSource,
    schemas: Schemas,
    options: FileAgentOptions | None = None,
    report: ReportProgress = say_nothing,
    clock: Clock = wall_clock,
    stdin: BinaryIO | None = None,
) -> IngestTotals:
    """Publish files of a feed, each content once; return the counts.

    Raises OurMistake (missing, damaged or refused files, full disk), TooManyBadRecords, and what
    the publisher raises. After an error of the publisher the same call, with a publisher started
    anew, goes on where the last committed transaction ended.
    """
    options = options or FileAgentOptions()
    form = RowForm(feed, schemas, options)
    book = await load_cursors(cursors, schemas, feed.agent, FileCursor)
    with (
        SpoolDirectory(options.spool_directory, options.spool_limit) as directory,
        WorkerThread() as worker,
    ):
        preparation = Preparation(form, directory, report, worker)
        files = expand_inputs(paths, stdin, directory.path)
        totals = IngestTotals(files=len(files))
        prepared = await _prepare(
            files, preparation, book, clock=clock, totals=totals, worker=worker
        )
        if not options.late_ok:
            _refuse_late(prepared, book)
        encoder = BlockEncoder(schemas, publisher, options.protection)
        batch = TransactionBatch(publisher, encoder, book, clock, worker)
        run = _Run(form, prepared, batch, book, report, clock, totals, worker)
        await run.publish()
    totals.mark = book.mark
    return totals


async def _prepare(
    files: Sequence[InputFile],
    preparation: Preparation,
    book: CursorBook[FileCursor],
    *,
    clock: Clock,
    totals: IngestTotals,
    worker: WorkerThread,
) -> list[PreparedFile]:
    """Read every file that is not published yet, judged as it was when it was first read."""
    prepared: dict[str, PreparedFile] = {}
    for file in files:
        cursor: FileCursor | None = None
        if knows_size(book, file.path.stat().st_size):
            # Probably read before: reading for the hash alone is much cheaper than parsing.
            cursor = book.files.get(await worker.run(_subject, file))
        if cursor is not None and cursor.done:
            totals.skipped_files += 1
            continue
        read = await preparation.read(file, cursor.judged_at if cursor else clock())
        known = book.files.get(read.subject)
        if known is not None and not known.done and known.judged_at != read.judged_at:
            # The same content in another packing.
            read.spool.close()
            read = await preparation.read(file, known.judged_at)
        if read.subject in prepared or (known is not None and known.done):
            read.spool.close()
            totals.skipped_files += 1
            continue
        prepared[read.subject] = read
    return list(prepared.values())


def _subject(file: InputFile) -> str:
    content = Content(file.path, file.name)
    for _ in content.blocks():
        pass
    return content.subject


def _refuse_late(files: Sequence[PreparedFile], book: CursorBook[FileCursor]) -> None:
    if book.mark is None:
        return
    late = [
        f"{file.name} ends at {_iso(file.largest)}"
        for file in files
        if file.largest is not None and file.largest < book.mark and file.subject not in book.files
    ]
    if late:
        raise OurMistake(
            f"the watermark already stands at {_iso(book.mark)}, and {', '.join(late)}: rows "
            "behind it may be late, in no session and no statistic until they are computed again; "
            "leave these files out, or publish them all the same with --late-ok"
        )


def _iso(instant: int) -> str:
    moment = datetime.fromtimestamp(instant // 1_000_000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class _Run:
    form: RowForm
    files: list[PreparedFile]
    batch: TransactionBatch[FileCursor]
    book: CursorBook[FileCursor]
    report: ReportProgress
    clock: Clock
    totals: IngestTotals
    worker: WorkerThread

    async def publish(self) -> None:
        """Publish part by part over all files, a mark after each hour."""
        for file in self.files:
            self.totals.read += file.read
            self.totals.saw(file.largest)
        last = None if self.totals.largest is None else self.totals.largest - BEHIND_LARGEST
        try:
            for part in sorted({part for file in self.files for part in file.spool.parts()}):
                for file in self.files:
                    await self._publish_part(file, part)
                if part not in (DEAD_LETTERS, ERASURES) and last is not None:
                    mark = Mark(self.form.feed.feed, min(hour_end(part), last))
                    await self.batch.add_mark(self.form.feed.topic, mark)
            for file in self.files:
                self.batch.move(file.subject, replace(self._cursor(file), done=True))
            await self.batch.flush()
            await self.batch.settle()
        except BaseException:
            await self.batch.abandon()
            raise

    async def _publish_part(self, file: PreparedFile, part: int) -> None:
        rows = file.spool.rows(part)
        position = self._cursor(file).position_in(part)
        if position is None:
            position = rows
        self.totals.already += position
        read = file.spool.read(part, position, self.form.options.batch_rows)
        while (frame := await self.worker.run(next, read, None)) is not None:
            position += frame.height
            if part == DEAD_LETTERS:
                await self.batch.add(topics.DEAD_LETTERS, frame)
                self.totals.dead += frame.height
            elif part == ERASURES:
                await self.batch.add(topics.ERASURES, frame)
                self.totals.deletes += frame.height
            else:
                complete = self.form.complete(frame, file.name, self.clock())
                await self.batch.add(self.form.feed.topic, complete)
                self.totals.published += frame.height
            cursor = replace(self._cursor(file), part=part, position=position)
            self.batch.move(file.subject, cursor)
            if self.batch.rows >= self.form.options.batch_rows:
                await self.batch.flush()
                self._say(file)

    def _cursor(self, file: PreparedFile) -> FileCursor:
        known = self.book.files.get(file.subject)
        return known or FileCursor(file.name, file.packed_size, file.judged_at)

    def _say(self, file: PreparedFile) -> None:
        totals = self.totals
        done = totals.published + totals.deletes + totals.dead + totals.already
        self.report(Progress("publish", file.name, done, totals.read))
