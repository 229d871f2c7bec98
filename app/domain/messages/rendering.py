"""From claimed rows to what goes over the wire: open the person, render the text, prepare the message."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.core import phone
from app.core.links import Links, Target, new_code
from app.core.vault import OrganisationVault, Sealed
from app.domain.consent.models import ADDRESS_KIND
from app.domain.content import mime, sms
from app.domain.content.models import TemplateVersion
from app.domain.content.render import Email, LinkMaker, Prepared, TemplateError, prepared
from app.domain.messages import kept, payload, reference
from app.domain.messages.models import Send
from app.domain.messages.payload import Values
from app.gateways.channels.base import Outgoing

ADDRESSES = {"sms": "phones", "email": "emails"}
Key = tuple[UUID, UUID]  # occurrence and message


@dataclass(frozen=True)
class Ready:
    """A message ready for the wire. `sealed` is what it says (kept.py), `code` is of the short link in its text."""

    occurrence_id: UUID
    id: UUID
    outgoing: Outgoing
    parts: int
    code: int | None = None
    language: str = ""
    sealed: bytes = b""


@dataclass(frozen=True)
class Unready:
    """A message that cannot be made, and why."""

    occurrence_id: UUID
    id: UUID
    state: str
    reason: str


@dataclass(frozen=True)
class Scene:
    """What all messages of a send have in common."""

    send: Send
    version: TemplateVersion
    vault: OrganisationVault
    links: Links
    organisation_name: str
    source_name: str
    sender: str

    @property
    def prepared(self) -> Prepared:
        return prepared(self.version, self.send.channel)


def data_of(
    row: Mapping[str, Any], person: Mapping[str, Any], names: Mapping[str, str], values: Values | None = None
) -> dict[str, Any]:
    """The plain data a text sees: of one contact, the names of organisation and source, and what the source gives to it."""
    properties = {**row["properties"], **person.get("properties", {})}
    contact = {
        "first_name": person.get("first_name") or "",
        "last_name": person.get("last_name") or "",
        "external_id": row["external_id"] or "",
        "language": row["language"] or "",
        "gender": row["gender"] or "",
        "city": row["city"] or "",
        "country": row["country"] or "",
        "properties": properties,
    }
    return {
        "contact": contact,
        "organisation": {"name": names["organisation"]},
        "campaign": {"name": names["source"]},  # texts have always called it so, whatever the source is
        "values": values or {},
    }


def make(scene: Scene, message: Mapping[str, Any], row: Mapping[str, Any] | None) -> Ready | Unready:
    """One claimed message, ready or with the reason why not.

    The address that was looked at (consent, suppression, who shares it) is the one that is written to, or nobody.
    """
    key = message["occurrence_id"], message["id"]
    if row is None:
        return Unready(*key, "skipped", "deleted")
    try:
        person = scene.vault.open_person(row["id"], row["key"], row["person"])
        addresses = person.get(ADDRESSES[scene.send.channel]) or []
        assert isinstance(addresses, list)
        to = str(addresses[message["address_position"] or 0])
    except (Sealed, IndexError):
        return Unready(*key, "skipped", "no_address")
    if scene.vault.blind(ADDRESS_KIND[scene.send.channel], to) != message["address_blind"]:
        return Unready(*key, "skipped", "address_changed")
    if scene.send.channel == "sms" and not phone.takes_sms(to):  # of a number that nobody had asked yet
        return Unready(*key, "skipped", "not_mobile")
    names = {"organisation": scene.organisation_name, "source": scene.source_name}
    write = _sms if scene.send.channel == "sms" else _email
    try:
        data = data_of(row, person, names, payload.opened(scene.vault, row, key[0], message["payload"]))
        return write(scene, key, reference.of(*key, message["retries"]), to, row, data)
    except (Sealed, TemplateError):
        return Unready(*key, "failed", "text_failed")


def linker(links: Links, organisation_id: UUID, key: Key) -> LinkMaker:
    """What makes the signed links of one message."""

    def link(kind: str, index: int = 0) -> str:
        return links.url(Target(kind, organisation_id, *key, index))

    return link


def _sms(scene: Scene, key: Key, ref: str, to: str, row: Mapping[str, Any], data: dict[str, Any]) -> Ready:
    ready, link = scene.prepared, _ShortLink(scene.links)
    language = ready.language_for(row["language"])
    text = ready.sms(language, {**data, "unsubscribe_url": link})
    outgoing = Outgoing(reference=ref, to=to, sender=scene.sender, text=text)
    sealed = _kept(scene, row, key[1], data, Made(ready, text, language, to, link.code))
    return Ready(*key, outgoing, sms.measure(text).parts, link.code, language, sealed)


def _email(scene: Scene, key: Key, ref: str, to: str, row: Mapping[str, Any], data: dict[str, Any]) -> Ready:
    ready = scene.prepared
    link = linker(scene.links, scene.send.organisation_id, key)
    language = ready.language_for(row["language"])
    email = ready.email(language, data, link)
    raw = mime.envelope(
        email,
        sender=scene.sender,
        to=to,
        message_id=key[1],
        unsubscribe_url=link("u", 0) if scene.send.message_class == "marketing" else None,
    )
    outgoing = Outgoing(reference=ref, to=to, sender=mime.bare(scene.sender), mime=raw)
    sealed = _kept(scene, row, key[1], data, Made(ready, email, language, to))
    return Ready(*key, outgoing, 1, language=language, sealed=sealed)


@dataclass(frozen=True, slots=True)
class Made:
    """A finished text, in which language and for which address."""

    ready: Prepared
    said: str | Email
    language: str
    to: str
    code: int | None = None


def _kept(scene: Scene, row: Mapping[str, Any], message_id: UUID, data: dict[str, Any], made: Made) -> bytes:
    contact, properties = kept.chosen(made.ready, data)
    one = kept.Kept(
        language=made.language,
        to=made.to,
        sender=scene.sender,
        organisation=scene.organisation_name,
        base_url=scene.links.base_url,
        contact=contact,
        properties=properties,
        code=made.code,
        digest=kept.digest_of(made.said),
        values=dict(data["values"]),
    )
    return kept.seal(scene.vault, row, message_id, one)


class _ShortLink:
    """An address whose code is only made when the text asks for it."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self.code: int | None = None

    def __str__(self) -> str:
        if self.code is None:
            self.code = new_code()
        return self._links.short(self.code)

    def __html__(self) -> str:
        return str(self)

    def __liquid__(self) -> str:
        return str(self)
