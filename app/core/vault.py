"""Field encryption: AES-256-GCM under per-contact keys, wrapped by the organisation's, wrapped by the master key.

A ciphertext is version (1 byte) | key id (2) | nonce (12) | text and tag. What it belongs to is bound as associated
data, so a cell moved to another row does not open. Look-ups go by keyed hashes ("blind indexes"): HMAC-SHA256, 16 bytes.
Names and their beginnings are looked up by shorter ones ("tokens"): BLAKE2b under a key of their own. 8 bytes, because SQL alone
decides by them who is in a segment: of 10 million different ones two are alike once in 370,000 installations; with 4 bytes,
thousands would be.
"""

import hmac
import json
import os
from functools import lru_cache
from hashlib import blake2b, sha256
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_HEAD = b"\x01\x00\x01"
BLIND_BYTES = 16
TOKEN_BYTES = 8
_as_json = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":")
).encode  # json.dumps would make an encoder each time


class Sealed(ValueError):
    """A ciphertext does not open: wrong key, wrong row, or damaged."""


def _seal(cipher: AESGCM, plain: bytes, bound_to: bytes) -> bytes:
    nonce = os.urandom(12)
    return _HEAD + nonce + cipher.encrypt(nonce, plain, bound_to)


def _open(cipher: AESGCM, sealed: bytes, bound_to: bytes) -> bytes:
    if sealed[:3] != _HEAD:
        raise Sealed("an unknown version of ciphertext")
    try:
        return cipher.decrypt(sealed[3:15], sealed[15:], bound_to)
    except InvalidTag:
        raise Sealed("the ciphertext does not belong here or was damaged") from None


def derive(root: bytes, purpose: str, length: int = 32) -> bytes:
    """A key for one purpose from a root key (HKDF-SHA256, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose.encode()).derive(root)


class Vault:
    """The root of the key ring, from the master key."""

    def __init__(self, master_key: bytes) -> None:
        self._wrapping = derive(master_key, "carillon wrapping")
        self._indexing = derive(master_key, "carillon indexing")
        self._signing = derive(master_key, "carillon signing")

    def key_for(self, purpose: str) -> bytes:
        """A signing key for one purpose (sessions, CSRF, links)."""
        return derive(self._signing, purpose)

    def new_organisation_key(self, organisation_id: UUID) -> bytes:
        """A fresh organisation key, wrapped; store it beside the organisation."""
        return _seal(AESGCM(self._wrapping), os.urandom(32), b"organisation|" + organisation_id.bytes)

    def organisation(self, organisation_id: UUID, wrapped: bytes) -> "OrganisationVault":
        """The vault of one organisation."""
        key = _open(AESGCM(self._wrapping), wrapped, b"organisation|" + organisation_id.bytes)
        return OrganisationVault(organisation_id, key, derive(self._indexing, f"index|{organisation_id}"))


class OrganisationVault:
    """Seals and opens what belongs to one organisation."""

    def __init__(self, organisation_id: UUID, key: bytes, index_key: bytes) -> None:
        self.organisation_id = organisation_id
        self._wrap = AESGCM(key)
        self._prefix = organisation_id.bytes
        self._index_key = index_key
        self._last: tuple[bytes | None, AESGCM] = (None, self._wrap)
        # HMAC (RFC 2104) with its two keyed halves made once: three times as fast, and an import makes millions
        padded = index_key.ljust(64, b"\0")
        self._inner, self._outer = sha256(bytes(b ^ 0x36 for b in padded)), sha256(bytes(b ^ 0x5C for b in padded))
        self._tokens = blake2b(digest_size=TOKEN_BYTES, key=hmac.digest(index_key, b"tokens", "sha256"))

    def seal(self, plain: bytes, bound_to: str) -> bytes:
        """Seal bytes under the organisation's key; `bound_to` names table, column and row."""
        return _seal(self._wrap, plain, self._prefix + bound_to.encode())

    def open(self, sealed: bytes, bound_to: str) -> bytes:
        """Open what `seal` made, or raise Sealed."""
        return _open(self._wrap, sealed, self._prefix + bound_to.encode())

    def seal_person(
        self, contact_id: UUID, person: dict[str, object], wrapped: bytes | None = None
    ) -> tuple[bytes, bytes]:
        """Seal a contact's personal data in one ciphertext; (wrapped key, ciphertext).

        Without `wrapped` a fresh key is made; destroying the wrapped key destroys the person's data.
        """
        bound = contact_id.bytes
        chance = os.urandom(56)  # key and nonces from one call of the system
        nonce = chance[:12]
        if wrapped is None:
            key, wrapping = chance[12:44], chance[44:]
            wrapped = _HEAD + wrapping + self._wrap.encrypt(wrapping, key, bound)
            cipher = AESGCM(key)
        else:
            cipher = self._unwrap(bound, wrapped)
        return wrapped, _HEAD + nonce + cipher.encrypt(nonce, _as_json(person).encode(), bound)

    def open_person(self, contact_id: UUID, wrapped: bytes, sealed: bytes) -> dict[str, object]:
        """A contact's personal data, or raise Sealed."""
        bound = contact_id.bytes
        person: dict[str, object] = json.loads(_open(self._unwrap(bound, wrapped), sealed, bound).decode())
        return person

    def seal_for(self, contact_id: UUID, wrapped: bytes, plain: bytes, bound_to: bytes) -> bytes:
        """Seal something else of a contact under his key, so that destroying the key destroys it, too."""
        bound = contact_id.bytes
        return _seal(self._unwrap(bound, wrapped), plain, bound + bound_to)

    def open_for(self, contact_id: UUID, wrapped: bytes, sealed: bytes, bound_to: bytes) -> bytes:
        """Open what `seal_for` made, or raise Sealed."""
        bound = contact_id.bytes
        return _open(self._unwrap(bound, wrapped), sealed, bound + bound_to)

    def _unwrap(self, bound: bytes, wrapped: bytes) -> AESGCM:
        last_wrapped, last = self._last  # who is opened has often something sealed right after
        if wrapped is last_wrapped:
            return last
        try:
            cipher = AESGCM(self._wrap.decrypt(wrapped[3:15], wrapped[15:], bound))
        except InvalidTag:
            raise Sealed("the contact's key does not open") from None
        self._last = wrapped, cipher
        return cipher

    def blind(self, kind: str, value: str) -> bytes:
        """The blind index of a normalised value: equal values give equal bytes, nothing else can be read from it."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(f"{kind}|{value}".encode())
        outer.update(inner.digest())
        return outer.digest()[:BLIND_BYTES]

    def token(self, kind: str, text: str) -> int:
        """The token of a text: a number that fits a bigint."""
        state = self._tokens.copy()
        state.update(f"{kind}|{text}".encode())
        return int.from_bytes(state.digest(), signed=True)

    def tokens_of_beginnings(self, kind: str, text: str) -> list[int]:
        """The token of every beginning of a text, the shortest first; each is `token` of it, made from the one before."""
        state, found = self._tokens.copy(), []
        state.update(f"{kind}|".encode())
        for letter in text:
            state.update(letter.encode())
            found.append(int.from_bytes(state.digest(), signed=True))
        return found

    def bucket_key(self, salt: str) -> bytes:
        """The key of the buckets of one salt; the database computes buckets with it, by the set."""
        return hmac.digest(self._index_key, b"bucket|" + salt.encode(), "sha256")

    def bucket(self, salt: str, contact_id: UUID) -> int:
        """A stable number from 0 to 9999 for one contact under one salt; segments/kinds/bucket.py says the same in SQL."""
        return int.from_bytes(sha256(self.bucket_key(salt) + contact_id.bytes).digest()[:4], "big") % 10000


@lru_cache(maxsize=8)
def vault_from(master_key: bytes) -> Vault:
    """The vault of a master key, derived once."""
    return Vault(master_key)
