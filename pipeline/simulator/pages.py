"""What people open: pages with the requests each brings along, and how often."""

from bisect import bisect
from collections.abc import Sequence
from typing import Final, NamedTuple

from pipeline.simulator import routes as r
from pipeline.simulator.dice import Dice, cumulative
from pipeline.simulator.request import Route


class Page(NamedTuple):
    """A step of a person: the first route is what was clicked, the rest follows by itself."""

    weight: float
    steps: tuple[Route, ...]


class PageMix:
    """Pages of one kind of person, drawn by weight."""

    __slots__ = ("_pages", "_shares")

    def __init__(self, pages: Sequence[Page]) -> None:
        self._pages = [page.steps for page in pages]
        self._shares = cumulative([page.weight for page in pages])

    def draw(self, dice: Dice) -> tuple[Route, ...]:
        """Draw a page; gives its steps."""
        return self._pages[bisect(self._shares, dice.uniform())]


_READING: Final = (
    Page(12, (r.DASHBOARD, r.CARDS, r.PLANNER)),
    Page(16, (r.COURSE_HOME, r.TODO_ITEMS)),
    Page(14, (r.MODULES, r.MODULE_DATA)),
    Page(9, (r.MODULE_ITEM, r.WIKI_PAGE)),
    Page(5, (r.MODULE_ITEM, r.ASSIGNMENT, r.GRAPHQL)),
    Page(8, (r.ASSIGNMENT, r.GRAPHQL)),
    Page(5, (r.ASSIGNMENTS, r.GROUPS_API)),
    Page(7, (r.GRADES, r.GRAPHQL)),
    Page(5, (r.ANNOUNCEMENTS,)),
    Page(6, (r.TOPIC, r.TOPIC_API)),
    Page(3, (r.TOPICS,)),
    Page(4, (r.FILES, r.FOLDERS_API, r.FILES_API)),
    Page(7, (r.DOWNLOAD,)),
    Page(4, (r.QUIZZES,)),
    Page(3, (r.QUIZ,)),
    Page(3, (r.INBOX, r.INBOX_API, r.UNREAD)),
    Page(3, (r.CALENDAR, r.EVENTS_API, r.EVENTS_API)),
    Page(2, (r.SYLLABUS,)),
    Page(1, (r.ROSTER,)),
    Page(3, (r.TOOL,)),
    Page(4, (r.PING, r.PAGE_VIEW)),
)

STUDENT_DAY: Final = PageMix(
    (
        *_READING,
        Page(1.0, (r.SUBMIT, r.ASSIGNMENT, r.GRAPHQL)),
        Page(1.5, (r.REPLY, r.TOPIC_API)),
        Page(0.5, (r.MESSAGE, r.INBOX_API)),
        Page(0.5, (r.ADD_MESSAGE, r.INBOX_API)),
        Page(0.6, (r.QUIZ, r.QUIZ_TAKE, r.QUIZ_BACKUP, r.QUIZ_BACKUP, r.QUIZ_SUBMIT)),
    )
)
# Work is due at 23:59.
STUDENT_EVENING: Final = PageMix(
    (
        *_READING,
        Page(3.5, (r.SUBMIT, r.ASSIGNMENT, r.GRAPHQL)),
        Page(3.0, (r.REPLY, r.TOPIC_API)),
        Page(0.5, (r.MESSAGE, r.INBOX_API)),
        Page(0.5, (r.ADD_MESSAGE, r.INBOX_API)),
        Page(1.5, (r.QUIZ, r.QUIZ_TAKE, r.QUIZ_BACKUP, r.QUIZ_BACKUP, r.QUIZ_SUBMIT)),
    )
)
TEACHER: Final = PageMix(
    (
        *_READING,
        Page(14, (r.GRADEBOOK, r.GRADEBOOK_API, r.GRADEBOOK_API, r.GRAPHQL)),
        Page(14, (r.SPEED_GRADER, r.GRAPHQL, r.GRADE)),
        Page(8, (r.GRADE_IN_BOOK,)),
        Page(3, (r.EDIT_ASSIGNMENT, r.ASSIGNMENT)),
        Page(3, (r.EDIT_PAGE, r.WIKI_PAGE)),
        Page(2, (r.ANNOUNCE, r.ANNOUNCEMENTS)),
        Page(2, (r.ADD_MODULE_ITEM, r.MODULES_API)),
        Page(3, (r.MESSAGE, r.INBOX_API)),
        Page(3, (r.ADD_MESSAGE, r.INBOX_API)),
        Page(3, (r.ROSTER, r.GRAPHQL)),
    )
)
ADMIN: Final = PageMix(
    (
        Page(8, (r.DASHBOARD, r.CARDS, r.UNREAD)),
        Page(15, (r.ACCOUNT, r.SEARCH_COURSES)),
        Page(15, (r.ACCOUNT_USERS, r.SEARCH_USERS)),
        Page(12, (r.PROFILE, r.LOGINS_API)),
        Page(6, (r.SETTINGS, r.GRAPHQL)),
        Page(4, (r.TERMS,)),
        Page(12, (r.COURSE_HOME, r.TODO_ITEMS)),
        Page(6, (r.ROSTER, r.GRAPHQL)),
    )
)
HELPED: Final = PageMix(
    (
        Page(5, (r.DASHBOARD, r.CARDS, r.PLANNER)),
        Page(6, (r.COURSE_HOME, r.GRAPHQL)),
        Page(5, (r.ASSIGNMENT, r.GRAPHQL)),
        Page(4, (r.GRADES, r.GRAPHQL)),
        Page(3, (r.MODULES, r.MODULE_DATA)),
        Page(2, (r.FILES, r.FILES_API)),
    )
)
PHONE: Final = PageMix(
    (
        Page(14, (r.CARDS, r.MOBILE_COURSES, r.PLANNER)),
        Page(14, (r.MOBILE_COURSE, r.MODULES_API)),
        Page(14, (r.MOBILE_ASSIGNMENT, r.MOBILE_SUBMISSION)),
        Page(6, (r.MOBILE_FILES,)),
        Page(6, (r.MOBILE_PAGES,)),
        Page(6, (r.MOBILE_TOPIC,)),
        Page(6, (r.INBOX_API, r.UNREAD)),
        Page(4, (r.MOBILE_PROFILE,)),
        Page(5, (r.EVENTS_API,)),
        Page(3, (r.WIKI_PAGE,)),
        Page(1, (r.REPLY, r.TOPIC_API)),
        Page(0.7, (r.SUBMIT, r.MOBILE_SUBMISSION)),
    )
)
