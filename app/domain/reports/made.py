"""What the making of a report gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO


@dataclass(frozen=True)
class Made:
    """A report's files by their kind (models.FILES) and its first paragraph; `owner` answers questions, else who asked for it."""

    files: Mapping[str, bytes | IO[bytes]]
    title: str
    summary: str
    owner: str = ""
