"""Bottom-k sets of texts: which members stay, and how many there were."""

import hashlib
from collections.abc import Collection, Iterable


def member_hash(member: str) -> int:
    """Return the 64-bit hash that orders members; the same in every process and version."""
    return int.from_bytes(hashlib.blake2b(member.encode(), digest_size=8).digest())


def smallest_by_hash(members: Iterable[str], cap: int) -> list[str]:
    """Return at most ``cap`` members, those with the smallest hashes,."""
    distinct = set(members)
    if len(distinct) <= cap:
        return sorted(distinct)
    return sorted(sorted(distinct, key=member_hash)[:cap])


def estimated_distinct(kept: Collection[str], cap: int, *, capped: bool) -> int:
    """Return how many distinct members there were.

    Exact below the cap; beyond it the bottom-k estimate (k - 1) / largest kept hash
    (Bar-Yossef et al., Counting distinct elements in a data stream, 2002).
    """
    if not capped:
        return len(kept)
    return round((cap - 1) * 2**64 / max(map(member_hash, kept)))
