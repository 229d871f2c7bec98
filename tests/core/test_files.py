"""Files are encrypted, found by what is in them, and never read half or mixed."""

import io
import os
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.errors import Unavailable
from app.core.files import CHUNK, Files
from app.core.settings import Settings
from app.core.vault import derive, vault_from

LONG = os.urandom(CHUNK) + os.urandom(CHUNK) + b"the end"


@pytest.fixture
def organisation_id() -> UUID:
    return uuid4()


@pytest.fixture
def files(settings: Settings, organisation_id: UUID) -> Files:
    return Files(settings, organisation_id)


@pytest.fixture
def folder(settings: Settings, organisation_id: UUID) -> Path:
    return settings.data / "files" / str(organisation_id)


@pytest.mark.parametrize("clear", [b"", b"a", b"x" * CHUNK, LONG], ids=["empty", "one byte", "one chunk", "long"])
def test_a_file_is_kept_encrypted_under_the_name_of_its_bytes(files: Files, folder: Path, clear: bytes) -> None:
    name = files.write(io.BytesIO(clear))
    assert name == sha256(clear).hexdigest() == files.write(clear)
    assert files.read(name) == clear
    assert all(len(chunk) <= CHUNK for chunk in files.chunks(name))
    assert len(clear) < 2 or clear[:100] not in (folder / name).read_bytes()
    files.remove(name)
    with pytest.raises(FileNotFoundError):
        files.read(name)


def pieces(kept: bytes) -> list[bytes]:
    """The head of a kept file and its sealed chunks."""
    head, sealed = len(kept) - 2 * (CHUNK + 17) - (len(b"the end") + 17), CHUNK + 17
    return [kept[:head], kept[head : head + sealed], kept[head + sealed : head + 2 * sealed], kept[head + 2 * sealed :]]


@pytest.mark.parametrize(
    "order",
    [[0, 1, 2], [0, 1], [0], [0, 2, 1, 3], [0, 1, 3], [0, 1, 1, 2, 3], [0, 1, 2, 3, 3], [1, 2, 3]],
    ids=[
        "cut off",
        "cut off twice",
        "nothing left",
        "swapped",
        "one missing",
        "one twice",
        "something behind",
        "headless",
    ],
)
def test_a_file_that_was_worked_on_is_not_read(files: Files, folder: Path, order: list[int]) -> None:
    name = files.write(LONG)
    parts = pieces((folder / name).read_bytes())
    (folder / name).write_bytes(b"".join(parts[number] for number in order))
    with pytest.raises(Unavailable, match="not whole"):
        files.read(name)


def test_a_file_under_the_name_of_another_is_not_read(files: Files, folder: Path) -> None:
    one, other = files.write(b"what was approved"), files.write(b"what was not")
    (folder / one).write_bytes((folder / other).read_bytes())
    with pytest.raises(Unavailable, match="not whole"):
        files.read(one)


def test_nothing_of_a_cut_file_comes_out_as_its_end(files: Files, folder: Path) -> None:
    """Who reads a chunk at a time learns it before he takes what he has for all of it."""
    name = files.write(LONG)
    kept = (folder / name).read_bytes()
    (folder / name).write_bytes(kept[: -len(b"the end") - 17])
    stream = files.chunks(name)
    assert next(stream) + next(stream) == LONG[: 2 * CHUNK]
    with pytest.raises(Unavailable):
        next(stream)


def before(settings: Settings, organisation_id: UUID, chunks: list[bytes]) -> bytes:
    """A file as it was kept until chunks became a stream: each sealed by itself, bound to its number."""
    cipher = AESGCM(derive(vault_from(settings.master_key).key_for("files"), str(organisation_id)))
    kept = b""
    for number, chunk in enumerate(chunks):
        nonce = os.urandom(12)
        sealed = nonce + cipher.encrypt(nonce, chunk, number.to_bytes(4, "big"))
        kept += len(sealed).to_bytes(4, "big") + sealed
    return kept


def test_files_of_before_are_read_and_their_cut_is_noticed(
    settings: Settings, files: Files, folder: Path, organisation_id: UUID
) -> None:
    chunks = [b"a" * CHUNK, b"b" * CHUNK, b"c"]
    name = files.write(b"".join(chunks))
    (folder / name).write_bytes(before(settings, organisation_id, chunks))
    assert files.read(name) == b"".join(chunks)
    for worked_on in (
        before(settings, organisation_id, chunks[:2]),
        b"",
        before(settings, organisation_id, chunks)[:-3],
    ):
        (folder / name).write_bytes(worked_on)
        with pytest.raises(Unavailable, match="not whole"):
            files.read(name)
