"""Passwords: Argon2id, length and a list of common ones, no composition rules (ASVS 5, 6.2)."""

from hashlib import sha256
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.core.errors import Invalid, mark

SHORTEST, LONGEST = 12, 256

# OWASP: t=2, m=19 MiB, p=1. At most two at a time, so that a burst of logins cannot take the memory.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_two = BoundedSemaphore(2)
_NOBODY = _hasher.hash("nobody has this password")

_COMMON = frozenset(
    [
        "123456789012",
        "1234567890123",
        "password1234",
        "passwordpassword",
        "qwertyuiop12",
        "qwertyuiop123",
        "iloveyou1234",
        "adminadminadmin",
        "administrator",
        "welcome12345",
        "letmein12345",
        "changeme1234",
        "111111111111",
        "000000000000",
        "abcdefghijkl",
        "abc123abc123",
        "qwerty123456",
        "1q2w3e4r5t6y",
        "1qaz2wsx3edc",
        "passw0rd1234",
        "p@ssw0rd1234",
        "football1234",
        "carilloncarillon",
        "carillon1234",
        "bankbankbank",
        "monkey123456",
        "dragon123456",
        "sunshine1234",
        "princess1234",
        "superman1234",
    ]
)


def check_rules(password: str, context: tuple[str, ...] = ()) -> None:
    """Raise Invalid unless the password is long enough, not common, and not made of the person's own data."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid.field("password", mark("A password has %(least)s characters or more."), least=SHORTEST)
    plain = password.lower()
    if plain in _COMMON or len(set(plain)) < 4 or any(word and word.lower() in plain for word in context):
        raise Invalid.field("password", mark("This password is too easy to guess. Choose a few unrelated words."))


def fingerprint(kept: str) -> str:
    """Something that changes with the password and tells nothing of it."""
    return sha256(kept.encode()).hexdigest()[:16]


def hashed(password: str) -> str:
    """The Argon2id hash to keep."""
    with _two:
        return _hasher.hash(password)


def matches(kept: str | None, password: str) -> bool:
    """True if the password is right. Takes the same time when there is no such user."""
    with _two:
        try:
            return _hasher.verify(kept or _NOBODY, password[:LONGEST]) and kept is not None
        except (VerificationError, InvalidHashError):
            return False
