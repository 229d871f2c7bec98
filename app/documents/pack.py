"""A pack of files that proves itself: a ZIP that is the same for the same content, with a manifest of every file's SHA-256."""

import json
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import IO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from app.documents import csv
from app.documents.table import Column, Row

MANIFEST, SEAL = "manifest.json", "manifest.sha256"
_BEGINNING = (1980, 1, 1, 0, 0, 0)  # of the ZIP's calendar: no moment of its own makes two packs of one thing different
_IN_MEMORY = 8 * 1024 * 1024


class Pack:
    """A pack that is being written, file by file."""

    def __init__(self) -> None:
        self._out: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - whoever gets it closes it
        self._zip = ZipFile(self._out, "w", ZIP_DEFLATED, compresslevel=6)
        self._files: list[dict[str, object]] = []

    def add(self, name: str, content: bytes | Iterable[bytes]) -> None:
        """Write a file, whole or in pieces."""
        digest, size = sha256(), 0
        with self._zip.open(_info(name), "w", force_zip64=True) as member:
            for piece in (content,) if isinstance(content, bytes) else content:
                digest.update(piece)
                size += len(piece)
                member.write(piece)
        self._files.append({"name": name, "size": size, "sha256": digest.hexdigest()})

    def add_json(self, name: str, content: object) -> None:
        """Write a value, its keys in order and its moments in UTC."""
        self.add(name, as_json(content))

    def add_table(self, name: str, titles: Iterable[str], rows: Iterable[Row]) -> None:
        """Write rows as CSV; text that would run as a formula is made harmless."""
        self.add(name, csv.stream([Column(title) for title in titles], rows, bom=False))

    def close(self, about: Mapping[str, object]) -> IO[bytes]:
        """Write the manifest – what the pack is about, and its files – and the manifest's own digest; the ZIP, at its beginning."""
        manifest = as_json({**about, "files": self._files})
        self._zip.writestr(_info(MANIFEST), manifest)
        self._zip.writestr(_info(SEAL), f"{sha256(manifest).hexdigest()}\n")
        self._zip.close()
        self._out.seek(0)
        return self._out


def as_json(content: object) -> bytes:
    """A value as the files of a pack hold it."""
    said = json.dumps(content, sort_keys=True, ensure_ascii=False, indent=1, default=_plain)
    return f"{said}\n".encode()


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)


def _info(name: str) -> ZipInfo:
    info = ZipInfo(name, _BEGINNING)
    info.compress_type, info.create_system, info.external_attr = ZIP_DEFLATED, 3, 0o644 << 16
    return info
