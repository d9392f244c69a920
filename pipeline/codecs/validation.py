"""What pydantic says about untrusted data, in words that quote none of it."""

from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pipeline.domain.bad_record import Reason

_MOST_ERRORS: Final = 5


def explain(error: ValidationError) -> tuple[Reason, str]:
    """Return reason and detail of a failed validation: names of fields, none of their values."""
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    parts = [f"{'.'.join(map(str, one['loc']))} {_message(one)}" for one in errors[:_MOST_ERRORS]]
    if len(errors) > _MOST_ERRORS:
        parts.append(f"and {len(errors) - _MOST_ERRORS} more")
    missing = any(one["type"] == "missing" for one in errors)
    return ("shape" if missing else "value"), "; ".join(parts)


def _message(error: ErrorDetails) -> str:
    if error["type"] == "missing":
        return "is missing"
    return error["msg"].removeprefix("Value error, ").replace("Input should be", "should be")
