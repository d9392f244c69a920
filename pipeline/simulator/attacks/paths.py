"""Routes that only drills take; controllers and urls are those of the open Canvas source."""

from typing import Final

from pipeline.simulator.request import Route

_ACCOUNT: Final = "account"
_NONE: Final = ""


def _account(method: str, controller: str, action: str, path: str, status: int = 200) -> Route:
    return Route(
        method, controller, action, f"/api/v1/accounts/1{path}", status=status, median_ms=160,
        context=_ACCOUNT,
    )  # fmt: skip


NEW_LOGIN_PROVIDER: Final = _account(
    "POST", "authentication_providers", "create", "/authentication_providers"
)
CHANGED_LOGIN_PROVIDER: Final = _account(
    "PUT", "authentication_providers", "update", "/authentication_providers/{i}"
)
NEW_THEME: Final = Route(
    "POST", "brand_configs", "create", "/accounts/1/brand_configs", context=_ACCOUNT
)
APPLIED_THEME: Final = Route(
    "POST", "brand_configs", "save_to_account", "/accounts/1/brand_configs/save_to_account",
    context=_ACCOUNT,
)  # fmt: skip
NEW_TOOL: Final = _account("POST", "external_tools", "create", "/external_tools")
NEW_KEY: Final = _account("POST", "developer_keys", "create", "/developer_keys")
NEW_ROLE: Final = _account("POST", "role_overrides", "add_role", "/roles")
CHANGED_ROLE: Final = _account("PUT", "role_overrides", "update", "/roles/{i}")
NEW_ADMIN: Final = _account("POST", "admins", "create", "/admins")
CHANGED_ACCOUNT: Final = _account("PUT", "accounts", "update", "")

DELETED_COURSE: Final = Route("DELETE", "courses", "destroy", "/api/v1/courses/{c}", median_ms=300)
RESET_COURSE: Final = Route(
    "POST", "courses", "reset_content", "/courses/{c}/reset", status=302, median_ms=700
)
CHANGED_COURSE: Final = Route("PUT", "courses", "update", "/api/v1/courses/{c}", median_ms=200)

READ_ADMINS: Final = _account("GET", "admins", "index", "/admins?per_page=100")
READ_LOGIN_PROVIDERS: Final = _account(
    "GET", "authentication_providers", "index", "/authentication_providers"
)
READ_USERS: Final = Route(
    "GET", "users", "api_index", "/api/v1/accounts/1/users?per_page=100&page={i}",
    context=_ACCOUNT, median_ms=240,
)  # fmt: skip
READ_GRADES: Final = Route(
    "GET", "submissions_api", "for_students",
    "/api/v1/courses/{c}/students/submissions?student_ids[]=all&per_page=100", median_ms=260,
)  # fmt: skip
READ_AS: Final = Route(
    "GET", "users", "todo_items", "/api/v1/users/self/todo?as_user_id={u}", context="user"
)
FEED_LINK: Final = Route(
    "GET", "calendar_events_api", "public_feed",
    "/feeds/calendars/user_EXAMPLEsharedEXAMPLEsharedEXAMPLE{i}.ics", context=_NONE, median_ms=210,
)  # fmt: skip
FILE_LINK: Final = Route(
    "GET", "files", "show", "/files/{i}/download?download_frd=1&verifier=EXAMPLEsharedverifier{i}",
    context=_NONE, median_ms=90, status=302,
)  # fmt: skip
SINGLE_PASS: Final = Route(
    "GET", "files", "show", "/courses/{c}/files/{i}/download?download_frd=1", "file",
    status=302, median_ms=80,
)  # fmt: skip
