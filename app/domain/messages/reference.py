"""The reference a provider carries for us: occurrence and message in one, so that a receipt finds its partition."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID


def of(occurrence_id: UUID, message_id: UUID) -> str:
    """64 hexadecimal digits."""
    return occurrence_id.hex + message_id.hex


def read(reference: str | None) -> tuple[UUID, UUID] | None:
    """The ids in a reference, or None if it is not one of ours."""
    if not reference or len(reference) != 64:
        return None
    try:
        return UUID(reference[:32]), UUID(reference[32:])
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
