"""web_logs rows as DAP's JSONL export writes them.

One object per line with `meta` (action, commit time), `key`, `value`; nulls left out; session id
as a dashed UUID; ids local to the home shard (Instructure's documentation of the canvas_logs
namespace and of the Query API's formats).
"""

from typing import Final

from pipeline.simulator import chances
from pipeline.simulator.request import Request
from pipeline.simulator.times import iso_ms

# Kinds of things that have a column of their own.
_ITEM_COLUMNS: Final = {
    "assignment": "assignment_id",
    "quiz": "quiz_id",
    "discussion": "discussion_id",
    "conversation": "conversation_id",
}


def web_log_line(request: Request, commit: str) -> str:
    """Write a request as a row that was committed at an instant (ISO text)."""
    bits = chances.row_bits(request.id)
    line = _line(request, commit)
    return _odd(line, request, bits) if chances.is_odd(bits) else line


def correction_line(request: Request, commit: str) -> str:
    """Write the same row again with another duration, as a later correction does."""
    return web_log_line(request._replace(duration_us=request.duration_us * 2 + 1), commit)


def deletion_line(request_id: str, commit: str) -> str:
    """Write the deletion of a row: an id and nothing else."""
    return f'{{"meta":{{"action":"D","ts":"{commit}"}},"key":{{"id":"{request_id}"}}}}'


def _line(request: Request, commit: str) -> str:
    client, route, course = request.client, request.route, request.course
    ids = context = ""
    if course is not None and route.context == "course":
        ids = f'"course_id":{course.id},'
        context = course.web_log_context
    elif client.person is not None and route.context == "user":
        context = (
            f'"web_application_context_type":"User",'
            f'"web_application_context_id":{client.person.user_id},'
        )
    elif route.context == "account":
        context = '"web_application_context_type":"Account","web_application_context_id":1,'
    column = _ITEM_COLUMNS.get(route.item)
    if column is not None:
        ids += f'"{column}":{request.item},'
    app = ""
    if route.controller:
        app = (
            f'"web_application_controller":"{route.controller}",'
            f'"web_application_action":"{route.action}",'
        )
    return (
        f'{{"meta":{{"action":"U","ts":"{commit}"}},"key":{{"id":"{request.id}"}},'
        f'"value":{{"timestamp":"{iso_ms(request.time_us)}",{client.web_log_who}{ids}'
        f'"url":"{request.url}","http_method":"{route.method}","http_status":{request.status},'
        f'{client.web_log_net}"interaction_micros":{request.duration_us},'
        f"{app}{context}{client.web_log_session}"
        f'"participated":{"true" if route.participated else "false"}{client.web_log_agent}}}}}'
    )


def _odd(line: str, request: Request, bits: int) -> str:
    client, route = request.client, request.route
    if client.web_log_agent and chances.OVERSIZED_AGENT.holds(bits):
        line = line.replace(client.web_log_agent, ',"user_agent":"__dap_oversized_truncated__"')
    if client.web_log_agent and chances.LEGACY_OVERSIZED_AGENT.holds(bits):
        line = line.replace(client.web_log_agent, ',"user_agent":"__cd2_oversized_truncated__"')
    if route.controller and chances.UNSPECIFIED_APP.holds(bits):
        line = line.replace(f':"{route.action}",', ':"__dap_unspecified__",')
    if chances.UNKNOWN_CONTEXT.holds(bits):
        line = line.replace('context_type":"Course"', 'context_type":"LearningPath"')
    if chances.UNKNOWN_HTTP_VERSION.holds(bits):
        line = line.replace(f'"http_version":"{client.http_version}"', '"http_version":"3.0"')
    return line
