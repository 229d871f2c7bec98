"""Content-addressed encrypted files in a folder: imports, error files, reports."""

import os
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import IO
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.settings import Settings
from app.core.vault import derive, vault_from

CHUNK = 1 << 20


class Files:
    """Files of one organisation. A file's name is the SHA-256 of its clear bytes; each chunk is sealed by itself."""

    def __init__(self, settings: Settings, organisation_id: UUID) -> None:
        self._folder = settings.data / "files" / str(organisation_id)
        self._cipher = AESGCM(derive(vault_from(settings.master_key).key_for("files"), str(organisation_id)))

    def write(self, source: IO[bytes] | bytes) -> str:
        """Keep the bytes; their name. Written aside and moved into place, so a name always has a whole file."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        digest = sha256()
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as aside:
            for number, chunk in enumerate(_chunks(source)):
                digest.update(chunk)
                nonce = os.urandom(12)
                sealed = nonce + self._cipher.encrypt(nonce, chunk, number.to_bytes(4, "big"))
                aside.write(len(sealed).to_bytes(4, "big") + sealed)
            aside.flush()
            os.fsync(aside.fileno())
        os.replace(aside.name, self._folder / digest.hexdigest())
        return digest.hexdigest()

    def chunks(self, name: str) -> Iterator[bytes]:
        """The clear bytes of a file, a chunk at a time. Raises FileNotFoundError."""
        if len(name) != 64 or not name.isalnum():
            raise FileNotFoundError(name)
        with open(self._folder / name, "rb") as kept:
            number = 0
            while size := kept.read(4):
                sealed = kept.read(int.from_bytes(size, "big"))
                yield self._cipher.decrypt(sealed[:12], sealed[12:], number.to_bytes(4, "big"))
                number += 1

    def remove(self, name: str) -> None:
        """Forget a file; one that is not there is forgotten already."""
        if len(name) == 64 and name.isalnum():
            (self._folder / name).unlink(missing_ok=True)

    def read(self, name: str) -> bytes:
        """The whole file at once, for small ones."""
        return b"".join(self.chunks(name))

    def unpack(self, name: str) -> Path:
        """A clear copy in a private temporary file; the caller removes it."""
        handle, path = tempfile.mkstemp(prefix="carillon-")
        with os.fdopen(handle, "wb") as clear:
            for chunk in self.chunks(name):
                clear.write(chunk)
        return Path(path)


def _chunks(source: IO[bytes] | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield from (source[at : at + CHUNK] for at in range(0, len(source), CHUNK))
        return
    while chunk := source.read(CHUNK):
        yield chunk
