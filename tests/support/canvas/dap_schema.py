"""The JSON Schema of web_logs in the shape that DAP serves."""

from typing import Any

_IDS = ("user_id", "real_user_id", "course_id", "quiz_id", "discussion_id", "conversation_id")
_IDS += ("assignment_id", "web_application_context_id", "developer_key_id")
_INTEGER = {"type": "integer", "format": "int64"}
_TEXT = {"type": "string"}
_OVERSIZED = {"oneOf": [{"type": "string", "const": "__dap_oversized_truncated__"}, _TEXT]}
_UNSPECIFIED = {"oneOf": [{"enum": ["__dap_unspecified__"]}, _TEXT]}

_VALUE: dict[str, Any] = {
    **dict.fromkeys(_IDS, _INTEGER),
    "timestamp": {"type": "string", "format": "date-time"},
    "url": _TEXT,
    "http_method": {"type": "string", "enum": ["GET", "POST"]},
    "http_status": {"enum": [200, 302, 404]},
    "http_version": {"enum": ["1.1", "2.0"]},
    "remote_ip": {"oneOf": [{**_TEXT, "format": "ipv4"}, {**_TEXT, "format": "ipv6"}]},
    "interaction_micros": {"type": "integer", "format": "int32"},
    "web_application_controller": _UNSPECIFIED,
    "web_application_action": _UNSPECIFIED,
    "web_application_context_type": {"type": "string", "enum": ["Course", "User"]},
    "session_id": {"type": "string", "format": "uuid"},
    "participated": {"type": "boolean"},
    "user_agent": _OVERSIZED,
}

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "meta": {"type": "object", "properties": {"ts": _TEXT, "action": {"enum": ["U", "D"]}}},
        "key": {"type": "object", "properties": {"id": _TEXT}, "required": ["id"]},
        "value": {"type": "object", "properties": _VALUE, "additionalProperties": False},
    },
    "additionalProperties": False,
}
