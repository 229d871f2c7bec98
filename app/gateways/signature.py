"""Webhook signatures `t=<unix>,v1=<hex HMAC-SHA256 of t.body>`, as Stripe writes them."""

import hashlib
import hmac
from datetime import datetime

WINDOW_SECONDS = 300


def sign(secret: str, body: bytes, now: datetime) -> str:
    """Sign a raw body for now."""
    at = int(now.timestamp())
    return f"t={at},v1={_digest(secret, at, body)}"


def verify(secret: str, header: str, body: bytes, now: datetime) -> bool:
    """Tell whether a header signs the body within five minutes of now, in either direction.

    Several `v1` may stand in one header while a secret is being changed.
    """
    if not secret:
        return False
    pairs = [part.strip().partition("=")[::2] for part in header.split(",")]
    stamps = [value for name, value in pairs if name == "t"]
    if len(stamps) != 1 or not stamps[0].isascii() or not stamps[0].isdigit() or len(stamps[0]) > 12:
        return False
    at = int(stamps[0])
    wanted = _digest(secret, at, body).encode()
    # every candidate is compared, so the time tells nothing about which one was close
    good = [hmac.compare_digest(wanted, value.encode()) for name, value in pairs if name == "v1"]
    return any(good) and abs(now.timestamp() - at) <= WINDOW_SECONDS


def _digest(secret: str, at: int, body: bytes) -> str:
    return hmac.new(secret.encode(), b"%d.%b" % (at, body), hashlib.sha256).hexdigest()
