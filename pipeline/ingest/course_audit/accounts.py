"""The accounts of a tree: the log of an account leaves out those below it."""

from typing import Final

from yarl import URL

from pipeline.codecs.canonical import canvas_id
from pipeline.codecs.json_text import read_json
from pipeline.domain.errors import OurMistake, Unavailable
from pipeline.ingest.course_audit.canvas_api import Answer, CanvasApi, Failing, Gone, Refused

_MOST_PAGES: Final = 10_000


async def account_tree(api: CanvasApi, account: str) -> list[int]:
    """Return the ids of an account and all below it, in order.

    Raises OurMistake if the token may not see them, and Unavailable.
    """
    try:
        found = {await api.get(api.url(f"accounts/{account}", {}), _one)}
        page: URL | None = api.url(
            f"accounts/{account}/sub_accounts", {"recursive": "true", "per_page": "100"}
        )
        for _ in range(_MOST_PAGES):
            if page is None:
                break
            ids, page = await api.get(page, _many)
            found |= ids
    except Failing as error:
        raise Unavailable(f"Canvas does not list its accounts: {error}") from None
    except (Refused, Gone) as error:
        raise OurMistake(
            f"Canvas does not show account {account} ({error}): give the token's user a role "
            "there, or set CANVAS_TELEMETRY_AUDIT_ACCOUNT to another"
        ) from None
    return sorted(found)


def _one(answer: Answer) -> int:
    return _id(read_json(answer.body))


def _many(answer: Answer) -> tuple[set[int], URL | None]:
    listed = read_json(answer.body)
    if not isinstance(listed, list):
        raise ValueError("the accounts are no list")  # noqa: TRY004 - means: ask again
    return {_id(account) for account in listed}, answer.next


def _id(account: object) -> int:
    number = canvas_id(account.get("id")) if isinstance(account, dict) else None
    if number is None:
        raise ValueError("an account has no id")
    return number
