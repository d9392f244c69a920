"""Traits: what a row is about, as bits, found without looking at each row.

A web_logs row gets most of them from its controller and action, of which a day has a few hundred:
they are looked up once for each, not for each row. Others stand in columns that are there. The
rest (from ``WRITE`` on) is worked out for rows alone that have one of the first.
Controllers and actions are those of the open Canvas source (config/routes.rb, app/controllers).
"""

from collections.abc import Mapping
from typing import Final

ADMIN: Final = 1 << 0
"""The admin surface: settings, people, tools and imports of an account."""
TOKEN: Final = 1 << 1
"""Access tokens of users."""
ACCOUNT: Final = 1 << 2
"""A person's own logins, addresses and profile."""
GRADING: Final = 1 << 3
SUBMITTING: Final = 1 << 4
MESSAGING: Final = 1 << 5
LOGIN: Final = 1 << 6
FILE: Final = 1 << 7
FEED: Final = 1 << 8
TOOL: Final = 1 << 9
COURSE_DELETED: Final = 1 << 10
COURSE_RESET: Final = 1 << 11
COURSES_CHANGED: Final = 1 << 12
FAILED_LOGIN: Final = 1 << 13
UNAUTHORISED: Final = 1 << 14
"""Status 401."""
THROTTLED: Final = 1 << 15
"""Status 403 or 429."""
PROGRAM: Final = 1 << 16
"""A token used by a program: not a browser, not Canvas's own phone apps."""
MASQUERADED: Final = 1 << 17
FACT: Final = 1 << 18
"""An event whose body says something; which fact it is stands in the column ``fact``."""

WRITE: Final = 1 << 19
ANSWERED: Final = 1 << 20
"""Status below 400."""
TOKEN_USE: Final = 1 << 21
"""Any request with a developer key."""
OWN: Final = 1 << 22
"""Not masqueraded."""
DOWNLOAD: Final = 1 << 23
ANONYMOUS_DOWNLOAD: Final = 1 << 24
AS_ADMIN: Final = 1 << 25
"""Masqueraded as somebody whom a Live Event calls an administrator of the account."""
GRADED: Final = 1 << 26
RAISED: Final = 1 << 27
ADMIN_ADDED: Final = 1 << 28

FACTS: Final[Mapping[str, int]] = {
    "graded": GRADED,
    "raised": GRADED | RAISED,
    "admin_added": ADMIN_ADDED,
}
"""Traits of facts."""

_ADMIN_CONTROLLERS: Final = frozenset(
    {
        "account_authorization_configs",
        "account_calendars_api",
        "account_notifications",
        "account_reports",
        "admins",
        "authentication_providers",
        "authentication_providers/ldap",
        "brand_configs",
        "brand_configs_api",
        "csp_settings",
        "developer_key_account_bindings",
        "developer_keys",
        "feature_flags",
        "lti/account_external_tools",
        "lti/context_controls",
        "lti/deployments",
        "lti/ims/dynamic_registration",
        "lti/registrations",
        "lti/tool_configurations_api",
        "lti/tool_proxy",
        "plugins",
        "role_overrides",
        "shared_brand_configs",
        "sis_import_errors_api",
        "sis_imports_api",
        "sub_accounts",
        "terms_api",
        "user_merge",
    }
)

_ACTIONS: Final[Mapping[int, Mapping[str, frozenset[str] | None]]] = {
    ADMIN: {
        **dict.fromkeys(_ADMIN_CONTROLLERS),
        "accounts": frozenset(
            {"show", "settings", "update", "users", "statistics", "permissions", "admin_tools"}
            | {"sis_import", "reports_tab", "destroy", "remove_user", "restore_user", "courses_api"}
        ),
        "external_tools": frozenset(
            {"create", "update", "destroy", "create_tool_from_tool_config"}
        ),
        "terms": None,
        "users": frozenset({"api_index", "merge", "admin_merge", "admin_split", "destroy"}),
    },
    TOKEN: {"tokens": None},
    ACCOUNT: {
        "profile": frozenset({"update"}),
        "communication_channels": None,
        "pseudonyms": None,
        "users": frozenset({"update"}),
    },
    GRADING: {
        "submissions_api": frozenset({"update", "update_anonymous", "bulk_update"}),
        "submissions": frozenset({"update"}),
        "gradebooks": frozenset({"update_submission"}),
        "gradebook_uploads": frozenset({"create"}),
        "quizzes/quiz_submissions": frozenset({"update", "update_scores"}),
        "quizzes/quiz_submissions_api": frozenset({"update"}),
        "rubric_assessments": frozenset({"create", "update"}),
        "provisional_grades": frozenset({"bulk_select", "select", "publish"}),
    },
    SUBMITTING: {
        "submissions": frozenset({"create"}),
        "submissions_api": frozenset({"create"}),
        "quizzes/quiz_submissions": frozenset({"create"}),
        "quizzes/quiz_submissions_api": frozenset({"create", "complete"}),
    },
    MESSAGING: {"conversations": frozenset({"create", "add_message", "add_recipients"})},
    FILE: {"files": frozenset({"show", "show_relative", "public_url"})},
    TOOL: {
        "external_tools": frozenset(
            {
                "show",
                "retrieve",
                "resource_selection",
                "sessionless_launch",
                "generate_sessionless_launch",
            }
        ),
        "lti_api": None,
        "lti/message": None,
        "lti/ims/scores": None,
        "lti/ims/results": None,
    },
    COURSE_DELETED: {"courses": frozenset({"destroy"})},
    COURSE_RESET: {"courses": frozenset({"reset_content"})},
    COURSES_CHANGED: {"courses": frozenset({"batch_update"})},
}
"""Traits by controller, and which of its actions have them (None: all)."""

_FEED_ACTIONS: Final = frozenset({"public_feed", "public_feed_auth"})


def traits_of_action(key: str) -> int:
    """Return the traits of a ``controller#action``."""
    controller, _, action = key.partition("#")
    found = 0
    for trait, controllers in _ACTIONS.items():
        if controller in controllers:
            actions = controllers[controller]
            if actions is None or action in actions:
                found |= trait
    if controller.startswith("login/") and action == "create":
        found |= LOGIN
    if action in _FEED_ACTIONS:
        found |= FEED
    return found
