"""The routes of Canvas that the simulated people and programs take.

Controllers, actions and url shapes are those of the open Canvas source and its documentation;
medians of duration are assumed.
"""

from typing import Final

from pipeline.simulator.request import Asset, Route

_USER: Final = "user"
_ACCOUNT: Final = "account"
_NONE: Final = ""


def _course_page(controller: str, action: str, path: str, subtype: str, ms: float = 110) -> Route:
    asset = Asset("course", subtype, subtype)
    return Route(
        "GET", controller, action, f"/courses/{{c}}{path}", "", "asset", asset, median_ms=ms
    )


def _item_page(controller: str, path: str, item: str, asset: Asset, ms: float = 110) -> Route:
    return Route(
        "GET", controller, "show", f"/courses/{{c}}{path}", item, "asset", asset, median_ms=ms
    )


def _get(controller: str, action: str, url: str, context: str = "course", item: str = "") -> Route:
    return Route("GET", controller, action, url, item, context=context)


# Log in and out
LOGIN_FORM: Final = Route("GET", "login/canvas", "new", "/login/canvas", context=_NONE)
LOGIN: Final = Route(
    "POST", "login/canvas", "create", "/login/canvas", "", "logged_in", None, 302, 140, _NONE
)
LOGIN_SAML: Final = Route(
    "POST", "login/saml", "create", "/login/saml", "", "logged_in", None, 302, 160, _NONE
)
LOGOUT: Final = Route(
    "DELETE", "login", "destroy", "/logout", "", "logged_out", None, 302, 70, _NONE
)

# Pages
DASHBOARD: Final = Route("GET", "users", "user_dashboard", "/", "", "", None, 200, 140, _USER)
COURSE_HOME: Final = _course_page("courses", "show", "", "home", 150)
MODULES: Final = _course_page("context_modules", "index", "/modules", "modules", 180)
MODULE_ITEM: Final = Route(
    "GET", "context_modules", "item_redirect", "/courses/{c}/modules/items/{i}", "module_item",
    status=302, median_ms=60,
)  # fmt: skip
ANNOUNCEMENTS: Final = _course_page("announcements", "index", "/announcements", "announcements")
ASSIGNMENTS: Final = _course_page("assignments", "index", "/assignments", "assignments")
SYLLABUS: Final = _course_page("assignments", "syllabus", "/assignments/syllabus", "syllabus")
GRADES: Final = _course_page("gradebooks", "grade_summary", "/grades", "grades", 170)
FILES: Final = _course_page("files", "index", "/files", "files")
QUIZZES: Final = _course_page("quizzes/quizzes", "index", "/quizzes", "quizzes")
TOPICS: Final = _course_page("discussion_topics", "index", "/discussion_topics", "topics")
ROSTER: Final = _course_page("context", "roster", "/users", "roster")
ASSIGNMENT: Final = _item_page(
    "assignments", "/assignments/{i}", "assignment", Asset("assignment", None, "assignments")
)
WIKI_PAGE: Final = _item_page(
    "wiki_pages", "/pages/week-{i}", "page", Asset("wiki_page", None, "wiki"), 90
)
TOPIC: Final = _item_page(
    "discussion_topics", "/discussion_topics/{i}", "discussion",
    Asset("discussion_topic", None, "topics"), 130,
)  # fmt: skip
QUIZ: Final = _item_page(
    "quizzes/quizzes", "/quizzes/{i}", "quiz", Asset("quizzes:quiz", None, "quizzes"), 140
)
TOOL: Final = _item_page(
    "external_tools", "/external_tools/{i}", "tool",
    Asset("context_external_tool", None, "external_tools"), 120,
)  # fmt: skip
DOWNLOAD: Final = Route(
    "GET", "files", "show",
    "/courses/{c}/files/{i}/download?download_frd=1&verifier=EXAMPLEverifierEXAMPLEverifier{i}",
    "file", "asset", Asset("attachment", None, "files"), 302, 80,
)  # fmt: skip
INBOX: Final = Route(
    "GET", "conversations", "index", "/conversations", "", "", None, 200, 110, _USER
)
CALENDAR: Final = Route("GET", "calendars", "show", "/calendar", "", "", None, 200, 110, _USER)

# What pages fetch by themselves
PLANNER: Final = _get("planner", "index", "/api/v1/planner/items?per_page=100", _USER)
CARDS: Final = _get("users", "dashboard_cards", "/api/v1/dashboard/dashboard_cards", _USER)
UNREAD: Final = _get("conversations", "unread_count", "/api/v1/conversations/unread_count", _USER)
TODO_ITEMS: Final = _get(
    "users", "todo_items", "/api/v1/users/self/todo?include[]=ungraded_quizzes", _USER
)
GRAPHQL: Final = Route("POST", "graphql", "execute", "/api/graphql", median_ms=70, context=_NONE)
MODULES_API: Final = _get(
    "context_modules_api", "index", "/api/v1/courses/{c}/modules?include[]=items&per_page=50"
)
MODULE_DATA: Final = _get(
    "context_modules", "content_tag_assignment_data", "/courses/{c}/modules/items/assignment_info"
)
GROUPS_API: Final = _get(
    "assignment_groups", "index",
    "/api/v1/courses/{c}/assignment_groups?include[]=assignments&per_page=50",
)  # fmt: skip
TOPIC_API: Final = _get(
    "discussion_topics_api", "view", "/api/v1/courses/{c}/discussion_topics/{i}/view",
    item="discussion",
)  # fmt: skip
FOLDERS_API: Final = _get("folders", "api_index", "/api/v1/courses/{c}/folders/root")
FILES_API: Final = _get(
    "files", "api_index", "/api/v1/courses/{c}/files?sort=updated_at&order=desc"
)
INBOX_API: Final = _get("conversations", "index", "/api/v1/conversations?scope=inbox", _USER)
EVENTS_API: Final = _get(
    "calendar_events_api", "index", "/api/v1/calendar_events?type=assignment&per_page=50", _USER
)
PING: Final = Route("POST", "courses", "ping", "/courses/{c}/ping", median_ms=20)
PAGE_VIEW: Final = Route(
    "PUT", "page_views", "update", "/page_views?page_view_id={i}", median_ms=25, context=_NONE
)

# What people do
SUBMIT: Final = Route(
    "POST", "submissions", "create", "/courses/{c}/assignments/{i}/submissions", "assignment",
    "submission_created", None, 302, 240, participated=True,
)  # fmt: skip
REPLY: Final = Route(
    "POST", "discussion_topics_api", "add_entry",
    "/api/v1/courses/{c}/discussion_topics/{i}/entries", "discussion",
    "discussion_entry_created", None, 201, 120, participated=True,
)  # fmt: skip
MESSAGE: Final = Route(
    "POST", "conversations", "create", "/api/v1/conversations", "conversation",
    "conversation_created", None, 201, 110, _USER, participated=True,
)  # fmt: skip
ADD_MESSAGE: Final = Route(
    "POST", "conversations", "add_message", "/api/v1/conversations/{i}/add_message", "conversation",
    "conversation_message_created", None, 201, 90, _USER, participated=True,
)  # fmt: skip
QUIZ_TAKE: Final = Route(
    "POST", "quizzes/quizzes", "show", "/courses/{c}/quizzes/{i}/take?user_id={u}", "quiz",
    "asset", Asset("quizzes:quiz", None, "quizzes", "participate"), 302, 190, participated=True,
)  # fmt: skip
QUIZ_BACKUP: Final = Route(
    "POST", "quizzes/quiz_submissions", "backup", "/courses/{c}/quizzes/{i}/submissions/backup",
    "quiz",
)  # fmt: skip
QUIZ_SUBMIT: Final = Route(
    "POST", "quizzes/quiz_submissions", "create",
    "/courses/{c}/quizzes/{i}/submissions?user_id={u}", "quiz",
    "quiz_submitted", None, 302, 260, participated=True,
)  # fmt: skip

# Teachers
GRADEBOOK: Final = _course_page("gradebooks", "show", "/gradebook", "grades", 210)
SPEED_GRADER: Final = Route(
    "GET", "gradebooks", "speed_grader", "/courses/{c}/gradebook/speed_grader?assignment_id={i}",
    "assignment", "asset", Asset("course", "speed_grader", "grades"), 200, 190,
)  # fmt: skip
GRADEBOOK_API: Final = _get(
    "submissions_api", "for_students", "/api/v1/courses/{c}/students/submissions?per_page=50"
)
GRADE: Final = Route(
    "PUT", "submissions_api", "update", "/api/v1/courses/{c}/assignments/{i}/submissions/{u}",
    "assignment", "grade_change", None, 200, 160,
)  # fmt: skip
GRADE_IN_BOOK: Final = Route(
    "POST", "gradebooks", "update_submission", "/courses/{c}/gradebook/update_submission",
    "assignment", "grade_change", None, 200, 150,
)  # fmt: skip
EDIT_ASSIGNMENT: Final = Route(
    "PUT", "assignments_api", "update", "/api/v1/courses/{c}/assignments/{i}", "assignment",
    "assignment_updated", None, 200, 180,
)  # fmt: skip
EDIT_PAGE: Final = Route(
    "PUT", "wiki_pages_api", "update", "/api/v1/courses/{c}/pages/week-{i}", "page",
    "wiki_page_updated", None, 200, 150,
)  # fmt: skip
ANNOUNCE: Final = Route(
    "POST", "discussion_topics", "create", "/api/v1/courses/{c}/discussion_topics", "",
    "discussion_topic_created", None, 200, 150,
)  # fmt: skip
ADD_MODULE_ITEM: Final = Route(
    "POST", "context_module_items_api", "create", "/api/v1/courses/{c}/modules/{i}/items",
    "module_item", "module_item_created", None, 200, 130,
)  # fmt: skip

# Administrators and help desk
ACCOUNT: Final = Route("GET", "accounts", "show", "/accounts/1", "", "", None, 200, 220, _ACCOUNT)
ACCOUNT_USERS: Final = Route(
    "GET", "accounts", "users", "/accounts/1/users", "", "", None, 200, 190, _ACCOUNT
)
SEARCH_USERS: Final = _get(
    "users", "api_index", "/api/v1/accounts/1/users?search_term=EXAMPLE&per_page=15", _ACCOUNT
)
SEARCH_COURSES: Final = _get("accounts", "courses_api", "/api/v1/accounts/1/courses", _ACCOUNT)
SETTINGS: Final = Route(
    "GET", "accounts", "settings", "/accounts/1/settings", "", "", None, 200, 240, _ACCOUNT
)
TERMS: Final = Route("GET", "terms", "index", "/accounts/1/terms", "", "", None, 200, 150, _ACCOUNT)
PROFILE: Final = Route("GET", "users", "show", "/users/{u}", "", "", None, 200, 150, _USER)
LOGINS_API: Final = _get("pseudonyms", "index", "/api/v1/users/{u}/logins", _USER)
BECOME: Final = Route(
    "POST", "users", "masquerade", "/users/{u}/masquerade", "", "", None, 302, 90, _USER
)
BECOME_SELF: Final = Route(
    "GET", "users", "user_dashboard", "/?become_user_id={u}", "", "", None, 302, 90, _USER
)

# Phones
MOBILE_COURSES: Final = _get(
    "courses", "index", "/api/v1/courses?include[]=term&per_page=50", _USER
)
MOBILE_COURSE: Final = Route(
    "GET", "courses", "show", "/api/v1/courses/{c}", "", "asset", Asset("course", "home", "home")
)
MOBILE_ASSIGNMENT: Final = Route(
    "GET", "assignments_api", "show", "/api/v1/courses/{c}/assignments/{i}", "assignment",
    "asset", Asset("assignment", None, "assignments"),
)  # fmt: skip
MOBILE_FILES: Final = Route(
    "GET", "files", "api_index", "/api/v1/courses/{c}/files?sort=updated_at&order=desc", "",
    "asset", Asset("course", "files", "files"),
)  # fmt: skip
MOBILE_PAGES: Final = Route(
    "GET", "wiki_pages_api", "index", "/api/v1/courses/{c}/pages?sort=updated_at&order=desc", "",
    "asset", Asset("course", "pages", "pages"),
)  # fmt: skip
MOBILE_TOPIC: Final = Route(
    "GET", "discussion_topics_api", "view", "/api/v1/courses/{c}/discussion_topics/{i}/view",
    "discussion", "asset", Asset("discussion_topic", None, "topics"),
)  # fmt: skip
MOBILE_SUBMISSION: Final = _get(
    "submissions_api", "show", "/api/v1/courses/{c}/assignments/{i}/submissions/{u}",
    item="assignment",
)  # fmt: skip
MOBILE_PROFILE: Final = _get("profile", "settings", "/api/v1/users/self/profile", _USER)

# Programs
SIS_IMPORT: Final = Route(
    "POST", "sis_imports_api", "create",
    "/api/v1/accounts/self/sis_imports.json?import_type=instructure_csv"
    "&access_token=1398~EXAMPLEEXAMPLEEXAMPLEEXAMPLE",
    "", "sis_batch_created", None, 200, 900, _ACCOUNT,
)  # fmt: skip
SIS_STATUS: Final = _get(
    "sis_imports_api", "show", "/api/v1/accounts/self/sis_imports/{i}", _ACCOUNT
)
SIS_DONE: Final = SIS_STATUS._replace(emits="sis_batch_updated")
READ_COURSES: Final = _get(
    "accounts", "courses_api", "/api/v1/accounts/1/courses?per_page=100&page={i}", _ACCOUNT
)
READ_ENROLLMENTS: Final = _get(
    "enrollments_api", "index", "/api/v1/courses/{c}/enrollments?per_page=100"
)
READ_SUBMISSIONS: Final = _get(
    "submissions_api", "for_students",
    "/api/v1/courses/{c}/students/submissions?student_ids[]=all&per_page=100",
)  # fmt: skip
PASSBACK: Final = Route(
    "POST", "lti_api", "grade_passback", "/api/lti/v1/tools/{i}/grade_passback", "",
    "tool_submission_created", None, 200, 180, _NONE,
)  # fmt: skip
CALENDAR_FEED: Final = Route(
    "GET", "calendar_events_api", "public_feed",
    "/feeds/calendars/user_EXAMPLEfeedEXAMPLEfeedEXAMPLE{i}.ics", median_ms=210, context=_NONE,
)  # fmt: skip
HEALTH: Final = _get("info", "health_check", "/health_check", _NONE)
NOWHERE: Final = Route(
    "GET", "", "", "/wp-login.php?probe={i}", status=404, median_ms=8, context=_NONE
)
