"""CSRF: the token of a browser looks another in every answer, so that compressed lengths tell nothing of it (BREACH).

Each answer has a pad of its own, and carries the pad beside the token XORed with it, as Django does.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from flask import Flask, g
from flask_wtf.csrf import CSRFProtect, generate_csrf


class MaskedCsrf(CSRFProtect):  # type: ignore[misc]
    """Flask-WTF's protection, whose tokens are masked in pages and unmasked before they are checked."""

    def init_app(self, app: Flask) -> None:
        """Protect every form, and let templates draw the token masked."""
        super().init_app(app)
        app.jinja_env.globals["csrf_token"] = masked
        app.context_processor(lambda: {"csrf_token": masked})

    def _get_csrf_token(self) -> str:
        return unmasked(super()._get_csrf_token() or "")


def masked() -> str:
    """The token for forms and scripts: the same all over an answer, so that many forms cost one."""
    if "csrf_masked" not in g:
        plain = generate_csrf().encode()
        pad = secrets.token_bytes(len(plain))
        g.csrf_masked = urlsafe_b64encode(pad + _xor(pad, plain)).decode()
    token: str = g.csrf_masked
    return token


def unmasked(given: str) -> str:
    """The token behind what a form sent; nothing that passes if it is none of ours."""
    try:
        both = urlsafe_b64decode(given.encode())
    except ValueError:
        return ""
    half = len(both) // 2
    return _xor(both[:half], both[half : half * 2]).decode("latin-1")


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(len(one))
