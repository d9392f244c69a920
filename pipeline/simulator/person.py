"""People, and the courses they meet in."""

from dataclasses import dataclass
from typing import Literal

from pipeline.simulator.instance import global_id

Kind = Literal["student", "teacher", "admin", "help_desk", "service"]

# How many things of each kind a course holds, and where their ids begin within the course's
# thousand.
_ITEMS = {
    "assignment": (0, 12),
    "quiz": (100, 4),
    "discussion": (200, 6),
    "page": (300, 12),
    "file": (400, 30),
    "module_item": (500, 40),
    "tool": (600, 2),
}

SUBJECTS = ("Algebra", "Biology", "Chemistry", "Economics", "History", "Linguistics", "Physics")

_LAST_TERM = 50_000
"""Added to the id of a course it gives that of the course a term before: one that is free."""


class Course:
    """A course with parts of every line about it, rendered once.

    `students` and `teachers` are positions in the university's people.
    """

    __slots__ = (
        "account_id",
        "id",
        "live_context",
        "name",
        "students",
        "teachers",
        "web_log_context",
    )

    def __init__(self, number: int, first_id: int, account_id: int) -> None:
        self.id = first_id + number
        self.account_id = account_id
        self.name = f"{SUBJECTS[number % len(SUBJECTS)]} {101 + number}"
        self.students: list[int] = []
        self.teachers: list[int] = []
        self.web_log_context = (
            f'"web_application_context_type":"Course","web_application_context_id":{self.id},'
        )
        self.live_context = (
            f',"context_type":"Course","context_id":"{global_id(self.id)}"'
            f',"context_account_id":"{global_id(account_id)}"'
            f',"context_sis_source_id":"2026.1.{number + 1:05d}"'
        )

    def last_term(self) -> "Course":
        """Give the course of the last term with the same people."""
        old = Course(0, self.id + _LAST_TERM, self.account_id)
        old.name, old.students, old.teachers = self.name, self.students, self.teachers
        return old

    def items(self, kind: str) -> range:
        """Give the local ids of the course's things of a kind; empty for an unknown kind."""
        first, count = _ITEMS.get(kind, (0, 0))
        start = self.id * 1_000 + first
        return range(start, start + count)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account; `user_id` is global for people of other institutions.

    `sessions_per_day` is on an ordinary weekday.
    """

    index: int
    kind: Kind
    user_id: int
    home_ip: str
    desktop_agent: str
    mobile_agent: str | None
    mobile_key: int | None
    courses: tuple[Course, ...]
    sessions_per_day: float

    @property
    def role(self) -> str | None:
        """Role in a course's context, as Live Events name it."""
        return _ROLES[self.kind]

    @property
    def login(self) -> str:
        """Login name; of the reserved example domain."""
        return f"{self.kind.replace('_', '')}{self.index}@example.edu"


_ROLES: dict[Kind, str | None] = {
    "student": "StudentEnrollment",
    "teacher": "TeacherEnrollment",
    "admin": "AccountAdmin",
    "help_desk": "Help Desk",
    "service": None,
}
