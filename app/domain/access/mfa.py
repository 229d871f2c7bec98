"""TOTP for every account (RFC 6238): 30 s steps, a code works once."""

import pyotp
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import Invalid, mark
from app.domain.access.keyring import vault_of
from app.domain.access.models import User

_STEP = 30


def secret_of(session: Session, user: User) -> str:
    """The user's secret in base32; one is made and kept, unconfirmed, if there is none yet."""
    vault = vault_of(session)
    if user.totp_secret is None:
        set_secret(session, user, new_secret())
        session.flush()
    assert user.totp_secret is not None
    return vault.open(user.totp_secret, f"users|totp|{user.id}").decode()


def new_secret() -> str:
    """A fresh secret in base32."""
    return pyotp.random_base32()


def set_secret(session: Session, user: User, secret: str) -> None:
    """Keep a secret for the user, unconfirmed."""
    user.totp_secret = vault_of(session).seal(secret.encode(), f"users|totp|{user.id}")
    user.totp_confirmed_at = None
    user.totp_last_step = 0


def enrolment_uri(session: Session, user: User) -> str:
    """The otpauth address an authenticator scans."""
    return pyotp.TOTP(secret_of(session, user)).provisioning_uri(name=user.email, issuer_name="Carillon")


def accept(session: Session, user: User, code: str) -> bool:
    """Take a code if it is right and newer than the last one taken.

    The step before the present one is accepted too, since codes are typed by people (RFC 6238, 5.2).
    """
    totp = pyotp.TOTP(secret_of(session, user))
    digits = "".join(c for c in code if c.isdigit())
    now = int(clock.now().timestamp()) // _STEP
    for step in (now, now - 1):
        if step > user.totp_last_step and pyotp.utils.strings_equal(digits, totp.at(step * _STEP)):
            user.totp_last_step = step
            user.totp_confirmed_at = user.totp_confirmed_at or clock.now()
            return True
    return False


def require_code(session: Session, user: User, code: str) -> None:
    """Take a code or raise Invalid on the field `code`."""
    if not accept(session, user, code):
        raise Invalid.field(
            "code", mark("The code is not right, or was used already. Wait for the next one and try again.")
        )
