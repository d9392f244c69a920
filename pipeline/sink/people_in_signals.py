"""Signals about people: which dimensions name them, as the last part of a key or as a member.

Members that are named in the bodies of others' rows alone (``grader``, ``mass_change``) are not
among them: what is computed again has them again.
"""

from typing import Final

KEYS: Final = (
    *("admin_actor", "admin_by_hand", "audit_change", "course_change", "course_deleted_by"),
    *("course_reset_by", "download_actor", "grade_write", "grader"),
    *("grader_up", "login_account", "masquerader", "masqueraded_admin", "masqueraded_write"),
    *("token", "token_admin", "token_agent", "token_course"),
)
FORMER_KEYS: Final = ("grade_write",)
"""Those of them that no row is counted by any more; tables still have statistics of them."""
MEMBERS: Final = (
    *("admin_change", "graded_course", "login_ip"),
    *("masquerader", "masqueraded_admin", "masqueraded_write"),
)


def signals_of_people(members: str) -> str:
    """Return the condition (``Table.of_person``) for a store; ``members`` is its column of them."""
    return (
        f"(dimension IN ({_listed(KEYS)})"
        " AND toInt64OrZero(splitByChar('#', `key`)[-1]) IN {people})"
        f" OR (dimension IN ({_listed(MEMBERS)})"
        f" AND arrayExists(member -> toInt64OrZero(member) IN {{people}}, {members}))"
    )


def people_in_signals(members: str) -> str:
    """Return the array of a row's people (``Table.people_in``); 0 where a text is no id."""
    return (
        f"arrayConcat(if(dimension IN ({_listed(KEYS)}),"
        " [toInt64OrZero(splitByChar('#', `key`)[-1])], emptyArrayInt64()),"
        f" if(dimension IN ({_listed(MEMBERS)}),"
        f" arrayMap(member -> toInt64OrZero(member), {members}), emptyArrayInt64()))"
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)
