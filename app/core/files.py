"""Content-addressed encrypted files in a folder: imports, error files, reports."""

import os
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from typing import IO
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl import bindings as sodium
from nacl.exceptions import CryptoError

from app.core.errors import Unavailable, mark
from app.core.settings import Settings
from app.core.vault import derive, vault_from

CHUNK = 1 << 20
_SEALED = CHUNK + sodium.crypto_secretstream_xchacha20poly1305_ABYTES
_HEAD = sodium.crypto_secretstream_xchacha20poly1305_HEADERBYTES
_MORE = sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_LAST = sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
_STREAM = b"CRL2"  # what a file begins with since its chunks are one stream; before, a length stood there, far smaller


class Damaged(Unavailable):
    """A kept file is not what was kept: cut off, put together otherwise, or another one under its name."""

    def __init__(self) -> None:
        super().__init__(
            mark("The kept file is not whole any more: it was changed on the disk. Restore it from a backup.")
        )


class Files:
    """Files of one organisation. A file's name is the SHA-256 of its clear bytes.

    A file is one stream (libsodium's secretstream): a chunk opens only in its place, and the last says that it is the last.
    """

    def __init__(self, settings: Settings, organisation_id: UUID) -> None:
        self._folder = settings.data / "files" / str(organisation_id)
        self._key = derive(vault_from(settings.master_key).key_for("files"), str(organisation_id))

    def write(self, source: IO[bytes] | bytes) -> str:
        """Keep the bytes; their name. Written aside and moved into place, so a name always has a whole file."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        digest, state = sha256(), sodium.crypto_secretstream_xchacha20poly1305_state()
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as aside:
            aside.write(_STREAM + sodium.crypto_secretstream_xchacha20poly1305_init_push(state, self._key))
            for chunk, is_last in _ended(_chunks(source)):
                digest.update(chunk)
                aside.write(
                    sodium.crypto_secretstream_xchacha20poly1305_push(state, chunk, tag=_LAST if is_last else _MORE)
                )
            aside.flush()
            os.fsync(aside.fileno())
        os.replace(aside.name, self._folder / digest.hexdigest())
        return digest.hexdigest()

    def chunks(self, name: str) -> Iterator[bytes]:
        """The clear bytes of a file, a chunk at a time. Raises FileNotFoundError, Damaged (at the end at the latest)."""
        if len(name) != 64 or not name.isalnum():
            raise FileNotFoundError(name)
        digest = sha256()
        with open(self._folder / name, "rb") as kept:
            for chunk in self._opened(kept) if kept.read(len(_STREAM)) == _STREAM else self._opened_singly(kept):
                digest.update(chunk)
                yield chunk
        if digest.hexdigest() != name:
            raise Damaged

    def _opened(self, kept: IO[bytes]) -> Iterator[bytes]:
        state, tag = sodium.crypto_secretstream_xchacha20poly1305_state(), _MORE
        head, sealed = kept.read(_HEAD), kept.read(_SEALED)
        try:
            sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, head, self._key)
            while sealed and tag != _LAST:
                chunk, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(state, sealed)
                yield chunk
                sealed = kept.read(_SEALED)
        except CryptoError:
            raise Damaged from None
        if sealed or tag != _LAST:
            raise Damaged

    def _opened_singly(self, kept: IO[bytes]) -> Iterator[bytes]:
        """A file of before: each chunk sealed by itself with AES-GCM, bound to its number; its name tells whether all are there."""
        cipher, number = AESGCM(self._key), 0
        kept.seek(0)
        try:
            while size := kept.read(4):
                sealed = kept.read(int.from_bytes(size, "big"))
                yield cipher.decrypt(sealed[:12], sealed[12:], number.to_bytes(4, "big"))
                number += 1
        except (InvalidTag, ValueError):
            raise Damaged from None

    def remove(self, name: str) -> None:
        """Forget a file; one that is not there is forgotten already."""
        if len(name) == 64 and name.isalnum():
            (self._folder / name).unlink(missing_ok=True)

    def read(self, name: str) -> bytes:
        """The whole file at once, for small ones."""
        return b"".join(self.chunks(name))


def _chunks(source: IO[bytes] | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield from (source[at : at + CHUNK] for at in range(0, len(source), CHUNK))
        return
    while chunk := source.read(CHUNK):
        yield chunk


def _ended(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each chunk, and whether it is the last; of nothing, one empty last chunk."""
    before = next(chunks, b"")
    for chunk in chunks:
        yield before, False
        before = chunk
    yield before, True
