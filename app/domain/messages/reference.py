"""The reference a provider carries for us: occurrence and message in one, so that a receipt finds its partition.

Every retry has a reference of its own, so that a late receipt says which attempt it is about.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID


class Reference(NamedTuple):
    """What a reference says."""

    occurrence_id: UUID
    message_id: UUID
    retry: int


def of(occurrence_id: UUID, message_id: UUID, retry: int = 0) -> str:
    """64 hexadecimal digits, and two more for a retry."""
    return f"{occurrence_id.hex}{message_id.hex}{f'{retry:02x}' if retry else ''}"


def read(reference: str | None) -> Reference | None:
    """What a reference says, or None if it is not one of ours."""
    if not reference or len(reference) not in (64, 66):
        return None
    try:
        return Reference(UUID(reference[:32]), UUID(reference[32:64]), int(reference[64:] or "0", 16))
    except ValueError:
        return None


def keys(messages: Sequence[tuple[UUID, UUID]]) -> dict[str, Any]:
    """Messages (occurrence, id) as the statements of queries.sql name them, at least one."""
    occurrences = [occurrence for occurrence, _ in messages]
    return {
        "occurrences": occurrences,
        "ids": [message for _, message in messages],
        "oldest": min(occurrences),
        "newest": max(occurrences),
    }
