"""What a message said, kept with its attempt: the values its text was made from, sealed with the person's own key.

Together with the version, which never changes, they make the same text again, and a digest proves that it is the same. An
e-mail of 40 kB so costs 300 bytes, and an erased person's messages can be read by nobody.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

from app.core.vault import OrganisationVault
from app.domain.content.render import Email, Prepared

_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class Kept:
    """The values of one message. `code` is of its short link; `base_url` is where its links began."""

    language: str
    to: str
    sender: str
    organisation: str
    base_url: str
    contact: dict[str, Any]
    properties: dict[str, Any]
    code: int | None
    digest: str
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> dict[str, Any]:
        """What the text saw, but for the name of its source."""
        contact = {**self.contact, "properties": self.properties}
        return {"contact": contact, "organisation": {"name": self.organisation}, "values": self.values}


def chosen(ready: Prepared, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of the values of a contact those that the texts of a version read: fields and properties."""
    contact = data["contact"]
    properties = contact["properties"]
    return (
        {name: contact[name] for name in ready.reads_fields if name in contact},
        {key: properties[key] for key in ready.reads_properties if key in properties},
    )


def seal(vault: OrganisationVault, person: Mapping[str, Any], message_id: UUID, kept: Kept) -> bytes:
    """Seal it for one message of one person (a row with `id` and `key`)."""
    plain = _as_json(
        [
            kept.language, kept.to, kept.sender, kept.organisation, kept.base_url, kept.contact, kept.properties, kept.code,
            kept.digest, *([kept.values] if kept.values else []),
        ]
    ).encode()  # fmt: skip
    return vault.seal_for(person["id"], person["key"], plain, message_id.bytes)


def opened(vault: OrganisationVault, contact_id: UUID, key: bytes, message_id: UUID, sealed: bytes) -> Kept:
    """What was sealed. Raises Sealed when the person was erased."""
    return Kept(*json.loads(vault.open_for(contact_id, key, sealed, message_id.bytes)))


def digest_of(made: str | Email) -> str:
    """The digest of a finished text."""
    whole = made if isinstance(made, str) else f"{made.subject}\0{made.text}\0{made.html}"
    return sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:32]
