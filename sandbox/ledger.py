"""What was accepted: appended to a file before the answer goes out, so that nothing accepted is ever lost.

Lists and counts are kept in memory; bodies of e-mails stay on disk, the oldest are let go beyond a gigabyte.
"""

import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

SEGMENT_BYTES = 128 * 1024 * 1024
SEGMENTS_KEPT = 8


@dataclass(slots=True)
class Item:
    """One accepted message. `text` is the SMS text or the subject; the last three tell where an e-mail lies."""

    number: int
    id: str
    reference: str
    to: str
    sender: str
    text: str
    received: float
    parts: int = 1
    callback_url: str = ""
    segment: int = 0
    offset: int = 0
    size: int = 0
    status: str = "accepted"
    status_at: float = 0

    @property
    def received_at(self) -> str:
        return datetime.fromtimestamp(self.received, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Book:
    """All messages of one channel, oldest first, with an index by id and by reference."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.items: list[Item] = []
        self.by_id: dict[str, Item] = {}
        self.by_reference: dict[str, Item] = {}
        for item in self._read():
            self._keep(item)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def add(self, item: Item) -> None:
        """Write one message down."""
        os.write(self._file, _encode(_record(item)).encode() + b"\n")
        self._keep(item)

    def clear(self) -> None:
        """Forget everything."""
        os.ftruncate(self._file, 0)
        self.items.clear()
        self.by_id.clear()
        self.by_reference.clear()

    def newest(self, *, since: float = 0, to: str = "", before: int = 0) -> Iterator[Item]:
        """Newest first: received at or after `since`, whose recipient contains `to`, numbered below `before`."""
        for item in reversed(self.items):
            if item.received < since:
                return
            if (not to or to in item.to) and (not before or item.number < before):
                yield item

    def _keep(self, item: Item) -> None:
        self.items.append(item)
        self.by_id[item.id] = item
        self.by_reference.setdefault(item.reference, item)

    def _read(self) -> Iterable[Item]:
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):  # a half-written last line was never answered
                    yield Item(**dict(zip(_FIELDS, json.loads(line), strict=True)), status="sent")


_FIELDS = tuple(name for name in Item.__slots__ if name not in ("status", "status_at"))
_record = attrgetter(*_FIELDS)
_encode = json.JSONEncoder(ensure_ascii=False).encode  # made once: dumps makes one per call


class Ledger:
    """The two books and the bodies of e-mails."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.sms = Book(folder / "sms.jsonl")
        self.email = Book(folder / "email.jsonl")
        self._run = format(int(time.time() * 1000), "x")  # ids stay unique after a restart or a clearing
        self._number = max((book.items[-1].number for book in (self.sms, self.email) if book.items), default=0)
        self._segment = max((int(path.stem[5:]) for path in folder.glob("mail-*.bin")), default=1)
        self._body = self._open_segment()

    def accept_sms(self, *, reference: str, to: str, sender: str, text: str, parts: int, callback_url: str) -> Item:
        """Write an SMS down and give it an id."""
        number = self._next()
        item = Item(number, f"sms-{self._run}-{number}", reference, to, sender, text, time.time(), parts, callback_url)
        self.sms.add(item)
        return item

    def accept_email(
        self, raw: bytes, *, reference: str, to: str, sender: str, subject: str, callback_url: str
    ) -> Item:
        """Write an e-mail down and give it an id."""
        if self._offset + len(raw) > SEGMENT_BYTES and self._offset:
            self._roll()
        number = self._next()
        os.write(self._body, raw)
        item = Item(number, f"mail-{self._run}-{number}", reference, to, sender, subject, time.time(), 1, callback_url)
        item.segment, item.offset, item.size = self._segment, self._offset, len(raw)
        self._offset += len(raw)
        self.email.add(item)
        return item

    def body(self, item: Item) -> bytes | None:
        """The e-mail as it came, or None if it is no longer kept."""
        path = self._segment_path(item.segment)
        if not path.exists():
            return None
        with path.open("rb") as file:
            file.seek(item.offset)
            return file.read(item.size)

    def clear(self) -> None:
        """Forget everything."""
        self.sms.clear()
        self.email.clear()
        self._roll()
        for path in self._folder.glob("mail-*.bin"):
            if path != self._segment_path(self._segment):
                path.unlink()

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _roll(self) -> None:
        os.close(self._body)
        self._segment += 1
        self._body = self._open_segment()
        self._segment_path(self._segment - SEGMENTS_KEPT).unlink(missing_ok=True)

    def _open_segment(self) -> int:
        file = os.open(self._segment_path(self._segment), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._offset = os.fstat(file).st_size
        return file

    def _segment_path(self, number: int) -> Path:
        return self._folder / f"mail-{number:06}.bin"


def as_json(item: Item, *, kind: str, fields: frozenset[str] = frozenset()) -> dict[str, Any]:
    """One message as the lists show it; only the named fields, if any are named."""
    if fields == {"reference"}:
        return {"reference": item.reference}
    shown = asdict(item) | {"from": item.sender, "received_at": item.received_at}
    shown |= {"subject": item.text} if kind == "email" else {"parts": item.parts}
    for name in ("sender", "received", "segment", "offset", "number", "status_at"):
        del shown[name]
    if kind == "email":
        del shown["text"]
        del shown["parts"]
    return {name: value for name, value in shown.items() if not fields or name in fields}
