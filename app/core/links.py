"""Links to the public face: open pixel, click, unsubscribe, download. Nothing can be read or made from outside.

In e-mail they are signed and say everything themselves. An SMS pays by the character: there a link is a random code of 64 bits
that is looked up (messages/shortlinks.py).
"""

import base64
import binascii
import hmac
import secrets
import struct
from dataclasses import dataclass
from uuid import UUID

from app.core.settings import Settings
from app.core.vault import vault_from

_SHAPE = struct.Struct("!c16s16s16sH")
_MAC = 12
_CODE = struct.Struct("!q")
EXAMPLE_CODE = "exampleCode"  # as long as a true one


@dataclass(frozen=True)
class Target:
    """What a link is about: `kind` is o (open), c (click), u (unsubscribe) or r (leave a report that is mailed).

    `index` numbers the template's links.
    """

    kind: str
    organisation_id: UUID
    occurrence_id: UUID
    message_id: UUID
    index: int = 0


class Links:
    """Makes and reads signed links under one public base address, that of the settings unless another is given."""

    def __init__(self, settings: Settings, base_url: str = "") -> None:
        self.base_url = base_url or settings.base_url
        self._key = vault_from(settings.master_key).key_for("links")

    def token(self, target: Target) -> str:
        """The token of a target, safe in an address."""
        body = _SHAPE.pack(
            target.kind.encode(),
            target.organisation_id.bytes,
            target.occurrence_id.bytes,
            target.message_id.bytes,
            target.index,
        )
        return _text(hmac.digest(self._key, body, "sha256")[:_MAC] + body)

    def url(self, target: Target) -> str:
        """The whole address of a target."""
        return f"{self.base_url}/{target.kind}/{self.token(target)}"

    def short(self, code: int) -> str:
        """The address of a short code."""
        return f"{self.base_url}/u/{_text(_CODE.pack(code))}"

    def example(self) -> str:
        """An address that leads nowhere, as long as a short one."""
        return f"{self.base_url}/u/{EXAMPLE_CODE}"

    def read(self, token: str, kind: str) -> Target | None:
        """The target of a token of this kind, or None if it is not one of ours."""
        raw = _bytes(token)
        mac, body = raw[:_MAC], raw[_MAC:]
        if len(body) != _SHAPE.size or not hmac.compare_digest(mac, hmac.digest(self._key, body, "sha256")[:_MAC]):
            return None
        found, organisation, occurrence, message, index = _SHAPE.unpack(body)
        if found.decode() != kind:
            return None
        return Target(kind, UUID(bytes=organisation), UUID(bytes=occurrence), UUID(bytes=message), index)


def new_code() -> int:
    """A code nobody can guess."""
    return int(_CODE.unpack(secrets.token_bytes(_CODE.size))[0])


def read_code(token: str) -> int | None:
    """The number of a short code, or None if it is none."""
    raw = _bytes(token)
    return int(_CODE.unpack(raw)[0]) if len(raw) == _CODE.size else None


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(token: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (ValueError, binascii.Error):
        return b""
