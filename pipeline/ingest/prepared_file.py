"""A file read to its end: its rows on the spool, its identity, its counts."""

from collections.abc import Callable, Iterator

from pipeline.codecs.dead_letters import dead_letters
from pipeline.codecs.redaction import redact_text
from pipeline.domain.event_time import HOUR
from pipeline.domain.feeds import Feed
from pipeline.ingest.bad_limit import BadLimit
from pipeline.ingest.content import Content
from pipeline.ingest.file_feed import Portion
from pipeline.ingest.inputs import InputFile
from pipeline.ingest.row_form import RowForm
from pipeline.ingest.spool import DEAD_LETTERS, ERASURES, Spool, SpoolDirectory
from pipeline.ingest.totals import Progress, ReportProgress
from pipeline.ingest.worker_thread import WorkerThread


class PreparedFile:
    """One file on the spool; ``subject`` is its identity, ``judged_at`` the instant of its reading.

    ``largest`` is its largest event time, None if it has no row.
    """

    def __init__(self, file: InputFile, spool: Spool, judged_at: int) -> None:
        self.name = redact_text(file.name)
        self.packed_size = file.path.stat().st_size
        self.judged_at = judged_at
        self.spool = spool
        self.subject = ""
        self.read = 0
        self.largest: int | None = None

    def take(self, portion: Portion, form: RowForm) -> None:
        """Put what was read on the spool."""
        feed, options = form.feed, form.options
        self.read += portion.read
        largest = portion.rows[feed.time].max()
        if isinstance(largest, int):
            self.largest = largest if self.largest is None else max(self.largest, largest)
        spool_portion(
            portion._replace(rows=form.spooled(portion.rows)),
            self.spool,
            source=f"{feed.source_prefix}:{self.name}",
            feed=feed.feed,
            judged_at=self.judged_at,
            record_limit=options.record_limit,
            seal=options.protection.seal,
        )


def spool_portion(
    portion: Portion,
    spool: Spool,
    *,
    source: str,
    feed: Feed,
    judged_at: int,
    record_limit: int,
    seal: Callable[[bytes], bytes] | None,
) -> None:
    """Put rows, dead letters (their originals encrypted by ``seal``) and erasures on the spool."""
    spool.add_rows(portion.rows)
    letters = dead_letters(
        [record for _, record in portion.bad],
        source=source,
        feed=feed,
        happened_at=judged_at,
        record_limit=record_limit,
        seal=seal,
    )
    spool.add_part(DEAD_LETTERS, letters)
    spool.add_part(ERASURES, portion.erasures)


class Preparation:
    """Reads files to the spool, portion by portion, each in a thread."""

    def __init__(
        self,
        form: RowForm,
        directory: SpoolDirectory,
        report: ReportProgress,
        worker: WorkerThread,
    ) -> None:
        self._form = form
        self._directory = directory
        self._limit = BadLimit(form.options.max_bad_share)
        self._report = report
        self._worker = worker

    async def read(self, file: InputFile, judged_at: int) -> PreparedFile:
        """Read a file; raise OurMistake or TooManyBadRecords, nothing being published yet."""
        spool = self._directory.open_spool(self._form.feed.time)
        prepared = PreparedFile(file, spool, judged_at)
        content = Content(file.path, prepared.name, self._directory)
        portions = self._form.read(content, judged_at)
        while (portion := await self._worker.run(_next, portions)) is not None:
            self._limit.add(portion.read, portion.bad)
            await self._worker.run(prepared.take, portion, self._form)
            self._report(Progress("read", prepared.name, prepared.read, None))
        await self._worker.run(spool.flush)
        prepared.subject = content.subject
        return prepared


def _next(portions: Iterator[Portion]) -> Portion | None:
    return next(portions, None)


def hour_end(part: int) -> int:
    """Return the end of the event hour that a part of the spool is."""
    return (part + 1) * HOUR
