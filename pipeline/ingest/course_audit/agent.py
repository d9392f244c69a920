"""The Course Audit log → rows, dead letters, marks: every event once.

A round asks for the events of every account (or course), one after another, in one window of time
that reaches back into the last one's. Rows, dead letters, the ids of the events and where the
round stands go out in one transaction: so a killed agent goes on in the middle of a window, and
what comes twice is known. After a round a mark says how far the log is complete (semantics rule
17). https://developerdocs.instructure.com/services/canvas/resources/course_audit_log
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal

import aiohttp
from yarl import URL

from pipeline.codecs.course_audit import AuditPage, PageOrigin, read_audit_page
from pipeline.domain.errors import OurMistake, Unavailable
from pipeline.domain.event_time import HOUR, MICROS
from pipeline.ingest.course_audit.accounts import account_tree
from pipeline.ingest.course_audit.canvas_api import (
    ACCEPT,
    CanvasApi,
    Failing,
    Gone,
    Refused,
    Stopping,
)
from pipeline.ingest.course_audit.options import AuditOptions
from pipeline.ingest.course_audit.progress import Progress, load_progress
from pipeline.ingest.course_audit.round import Round, first_round, whole_second
from pipeline.ingest.course_audit.windows import Window, in_words, remaining
from pipeline.ingest.tools import AgentTools

MOST_BEHIND: Final = 1_000
Outcome = Literal["gone", "refused", "failing"]
FAILING_IN_A_ROW: Final = 3
"""One subject that fails is put off to the next round; so many mean that Canvas is away."""


async def poll_course_audit(tools: AgentTools, options: AuditOptions) -> Round | None:
    """Publish the log until ``stopping``, or one round; return the last round that was done.

    Raises OurMistake, TooManyBadRecords, Unavailable, and what the publisher raises; called again
    after those, it goes on where the last committed transaction ended.
    """
    progress = await load_progress(tools, options)
    async with _session(options) as session:
        agent = _Agent(CanvasApi(session, options, tools), tools, options, progress)
        try:
            await agent.run()
        except Stopping:
            await progress.flush()
    done = progress.round
    return done if done is not None and done.done else None


@asynccontextmanager
async def _session(options: AuditOptions) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {
        "Authorization": f"Bearer {options.token}",
        "Accept": ACCEPT,
        "User-Agent": "canvas-telemetry",
    }
    timeout = aiohttp.ClientTimeout(total=options.timeout_s)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout, trust_env=True) as session:
        yield session


class _Agent:
    def __init__(
        self, api: CanvasApi, tools: AgentTools, options: AuditOptions, progress: Progress
    ) -> None:
        self._api = api
        self._tools = tools
        self._options = options
        self._progress = progress
        self._said: dict[str, str] = {}
        self._failing = 0

    async def run(self) -> None:
        while True:
            round_ = await self._round()
            await self._poll(round_)
            if self._options.once:
                return
            await self._api.wait(
                (round_.until + self._options.every - self._tools.clock()) / MICROS
            )

    async def _round(self) -> Round:
        """Return the round to work on: the one that was left, or a new one."""
        options, known = self._options, self._progress.round
        if known is not None and not known.done:
            if known.target != options.target:
                raise OurMistake(
                    f"a round over {known.target} is half done: let it end with --once and the "
                    f"settings it began with, then poll {options.target}"
                )
            return known
        until = whole_second(self._tools.clock())
        fresh = first_round(options, until) if known is None else known.next(options, until)
        self._progress.round = fresh
        return fresh

    async def _poll(self, round_: Round) -> None:
        listed = await self._listed()
        # An account that was deleted since the last round is asked once more.
        subjects = sorted({*listed, *self._progress.listed})
        self._tools.figures.ready = True
        left = round_.left(subjects)
        shown = 0
        for subject in left:
            round_.begin(subject)
            why = await self._subject(round_, subject)
            self._count_failing(why, min(FAILING_IN_A_ROW, len(subjects)))
            shown += why not in {"gone", "refused"}
            if why == "gone" or (why == "refused" and subject not in listed):
                why = None
            round_.finish(subject, why)
            self._check_behind(round_)
            await self._progress.flush_if_due()
        if left and not shown and len(left) == len(subjects):
            raise OurMistake(
                f"Canvas shows the change log of none of {len(subjects)} {self._options.kind}: "
                "the token's user needs the permission 'Courses - view change logs' at the root "
                "account, and the instance the audit log"
            )
        round_.done = True
        self._progress.listed = listed
        await self._progress.flush(round_.complete_to())
        self._say("behind", behind_in_words(round_, self._options.kind))

    async def _listed(self) -> set[int]:
        if self._options.courses is not None:
            listed = set(self._options.courses)
        else:
            listed = set(await account_tree(self._api, self._options.account))
        self._say("pace", in_an_hour(self._options, len(listed)))
        return listed

    def _say(self, about: str, sentence: str) -> None:
        """Say a sentence if it is another than the last one about this."""
        if sentence and self._said.get(about, "") != sentence:
            self._options.say(sentence)
        self._said[about] = sentence

    async def _subject(self, round_: Round, subject: int) -> Outcome | None:
        """Read what is left of a subject; return why it could not be read to the end."""
        try:
            while round_.windows:
                await self._window(round_, subject)
        except Gone:
            return "gone"
        except Refused:
            return "refused"
        except Failing:
            return "failing"
        return None

    async def _window(self, round_: Round, subject: int) -> None:
        window = round_.windows[0]
        name = f"{self._options.kind}/{subject}"
        page, follow = await self._page(self._url(name, window), name)
        self._progress.add(page, subject, window)
        left = remaining(window, page.oldest) if follow else []
        while left is None and follow:
            self._tools.figures.requests["crowded"] += 1
            page, follow = await self._page(follow, name)
            self._progress.add(page, subject, window)
        round_.windows[:1] = left or []
        await self._progress.flush_if_due()

    def _url(self, name: str, window: Window) -> URL:
        return self._api.url(
            f"audit/course/{name}",
            {
                "start_time": in_words(window.start),
                "end_time": in_words(window.end),
                "per_page": str(self._options.per_page),
            },
        )

    async def _page(self, url: URL, name: str) -> tuple[AuditPage, URL | None]:
        options = self._options
        origin = PageOrigin(name, self._tools.clock(), options.home_shard, options.record_limit)
        return await self._api.get(
            url, lambda answer: (read_audit_page(answer.body, origin), answer.next)
        )

    def _count_failing(self, why: Outcome | None, most: int) -> None:
        self._failing = self._failing + 1 if why == "failing" else 0
        if self._failing >= most:
            raise Unavailable(f"Canvas failed to answer for {self._failing} {self._options.kind}")

    def _check_behind(self, round_: Round) -> None:
        if len(round_.behind) > MOST_BEHIND:
            raise OurMistake(
                f"Canvas does not show the change logs of {len(round_.behind)} "
                f"{self._options.kind}: leave them out, or give the token's user the right"
            )


def behind_in_words(round_: Round, kind: str) -> str:
    """Say what of a round is owed; blank if nothing is."""
    why = Counter(debt.why for debt in round_.behind.values())
    if not why:
        return ""
    parts = ", ".join(f"{count:,} {name}" for name, count in sorted(why.items()))
    return f"the log of some {kind} could not be read ({parts}): it is asked for again each round"


def in_an_hour(options: AuditOptions, subjects: int) -> str:
    """Say how many requests an hour a poller of so many accounts or courses makes."""
    pages = 1 if options.courses is None else 0
    one_round = subjects + pages * (1 + -(-subjects // 100))
    wanted = one_round * HOUR / max(options.every, 1)
    count = min(round(wanted), options.requests_per_hour)
    minutes = max(options.every / HOUR * 60, one_round / options.requests_per_hour * 60)
    return (
        f"{count:,} requests an hour, of {options.requests_per_hour:,} allowed: "
        f"{subjects:,} {options.kind}, each asked every {minutes:,.0f} minutes"
    )
