"""Two hundred made contacts with everything a segment can ask for, and what is known of them as plain Python."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from app.core.unit import actor_of
from app.core.vault import OrganisationVault
from app.domain.access.keyring import vault_of
from app.domain.consent.models import ConsentEntry
from app.domain.contacts import names
from app.domain.contacts.models import Contact, ContactAddress, ContactName, Group, GroupMember, PropertyDefinition
from app.domain.messages.models import EngagementEvent, Message

NOW = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)  # half past midnight of the 23rd in Jerusalem
CITIES = [
    None,
    "",
    "Haifa",
    "haifa",
    "תל אביב",
    "תל־אביב יפו",
    "100%_sure",
    "100 sure",
    "O'Hara",
    "back\\slash",
    "Beer Sheva",
]
TAGS = ["vip", "staff", "חדש", "a,b", "{x}"]
GROUPS = ["Branch 7", "סניף 9"]
DEFINITIONS = [
    ("balance", "number"),
    ("segment", "text"),
    ("is_member", "boolean"),
    ("joined", "date"),
    ("hobbies", "list"),
]
DATES = [
    "2026-11-23",
    "2026-11-22",
    "2026-11-21",
    "2026-12-01",
    "2025-11-25",
    "2024-02-29",
    "2026-02-28",
    "1980-11-30",
    "2026-08-31",
]


FIRST_NAMES = [
    None, "Dana", "DANA", "dan", "Danielle", "Anna Maria", "Anna-Maria", "אנה מריה", "שלום", "שָׁלוֹם", "שלומית", "O'Hara", "ohara",
    "Straße", "!", "A very long name of a family",
]  # fmt: skip
LAST_NAMES = [None, "Levi", "Lev", "לוי", "כהן", "כהן-לוי", "ג'ורג'", "Dana", "ben David", "100%"]


@dataclass
class Made:
    """A contact as the independent evaluator sees it."""

    id: UUID
    row: dict[str, Any]
    first_name: str | None = None
    last_name: str | None = None
    emails: list[str] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    consent: dict[str, str] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)


def _maybe(chance: random.Random, *values: Any) -> Any:
    return chance.choice(values)


def _properties(chance: random.Random) -> dict[str, Any]:
    kept = {
        "balance": _maybe(chance, 0, 15000, 14999.99, 15000.5, -3, "15000", None, True, [1]),
        "segment": _maybe(chance, "gold", "Gold", "", None, "זהב", 7, "a_b", "a%b"),
        "is_member": _maybe(chance, True, False, None, "true", 1),
        "joined": _maybe(chance, *DATES, "", None, "not a date", 5, "2026-11-22T10:00:00Z"),
        "hobbies": _maybe(chance, [], ["golf"], ["golf", "שחייה"], "golf", None, {"golf": 1}),
    }
    return {name: value for name, value in kept.items() if chance.random() < 0.8}


def everything(session: Session, number: int = 200, seed: int = 1) -> list[Made]:
    """Make the contacts; the clock has to stand at NOW."""
    chance = random.Random(seed)
    organisation_id, vault = actor_of(session).organisation_id, vault_of(session)
    ids = list(session.execute(text("SELECT uuidv7() FROM generate_series(1, :n)"), {"n": number}).scalars())
    owned = {"organisation_id": organisation_id}
    session.execute(
        insert(PropertyDefinition),
        [owned | {"key": k, "label": k, "type": t, "created_at": NOW} for k, t in DEFINITIONS],
    )
    groups = [Group(name=name, created_at=NOW, **owned) for name in GROUPS]
    session.add_all(groups)
    session.flush()
    made = [_one(chance, vault, owned, n, contact_id) for n, contact_id in enumerate(ids)]
    for one in made:
        one.groups = [str(g.id) for g in groups if chance.random() < 0.3]
        states = {channel: chance.choice(["granted", "withdrawn", None]) for channel in ("sms", "email")}
        one.consent = {channel: state for channel, state in states.items() if state}
    session.execute(insert(Contact), [one.row for one in made])
    session.execute(insert(ContactName), [owned | _named(vault, one) for one in made])
    session.execute(insert(ContactAddress), [owned | a for one in made for a in _addresses(vault, one)])
    members = [owned | {"group_id": g, "contact_id": one.id, "added_at": NOW} for one in made for g in one.groups]
    session.execute(insert(GroupMember), members)
    said = {"purpose": "marketing", "basis": "form", "source": "test", "at": NOW}
    session.execute(
        insert(ConsentEntry),
        [
            owned | said | {"contact_id": one.id, "channels": [c], "state": s}
            for one in made
            for c, s in one.consent.items()
        ],
    )
    _messages(session, made, chance)
    session.flush()
    return made


def _one(chance: random.Random, vault: OrganisationVault, owned: dict[str, Any], n: int, contact_id: UUID) -> Made:
    known = {"first_name": chance.choice(FIRST_NAMES), "last_name": chance.choice(LAST_NAMES)}
    key, person = vault.seal_person(contact_id, {**known, "emails": [], "phones": []})
    row = owned | {
        "id": contact_id, "external_id": str(n) if n % 10 else None, "key": key, "person": person,
        "language": _maybe(chance, "he", "en", None), "gender": _maybe(chance, "female", "male", None),
        "timezone": _maybe(chance, None, "Asia/Jerusalem", "America/New_York", "Pacific/Auckland"),
        "country": _maybe(chance, "IL", "US", None), "city": chance.choice(CITIES), "postal_code": None,
        "lifecycle_stage": _maybe(chance, "lead", "customer", None),
        "engagement_score": _maybe(chance, None, 0, 50, 100), "status": _maybe(chance, "active", "active", "bounced"),
        "properties": _properties(chance), "tags": [t for t in TAGS if chance.random() < 0.25],
        "created_at": NOW - timedelta(hours=chance.choice([0, 1, 23, 25, 26, 49, 24 * 40])), "updated_at": NOW,
        "deleted_at": NOW if n % 25 == 24 else None,
    }  # fmt: skip
    one = Made(contact_id, row, **known)
    if chance.random() < 0.7:
        one.emails = [f"c{n}@mail.example", f"second{n}@bank.example"][: chance.choice([1, 1, 2])]
    if chance.random() < 0.7:
        one.phones = [f"+97252{2000000 + n // 2}"]
    return one


def _named(vault: OrganisationVault, one: Made) -> dict[str, Any]:
    return {"contact_id": one.id, **names.tokens(vault, one.first_name, one.last_name)._asdict()}


def _addresses(vault: OrganisationVault, one: Made) -> Iterator[dict[str, Any]]:
    for kind, values in (("email", one.emails), ("phone", one.phones)):
        for position, value in enumerate(values):
            domain = value.partition("@")[2] if kind == "email" else None
            address = {"contact_id": one.id, "kind": kind, "position": position, "blind": vault.blind(kind, value)}
            yield address | {"domain": domain, "country": None}


def _messages(session: Session, made: list[Made], chance: random.Random) -> None:
    rows, traces, occurrence = [], [], None
    for one in made:
        for step in range(chance.choice([0, 0, 1, 2, 4])):
            occurrence, message_id = session.execute(text("SELECT uuidv7(), uuidv7()")).one()
            sent = NOW - timedelta(hours=chance.choice([1, 20, 30, 24 * 10, 24 * 60]))
            opened = sent if chance.random() < 0.5 else None
            robot = chance.random() < 0.2
            state = _maybe(chance, "sent", "delivered", "failed", "queued")
            known = {
                "channel": _maybe(chance, "sms", "email"), "state": state, "sent_at": sent if state != "queued" else None,
                "final_at": sent if state in ("delivered", "failed") else None, "opened_at": opened,
                "clicked_at": opened if chance.random() < 0.3 else None,
            }  # fmt: skip
            rows.append(
                known | {"id": message_id, "organisation_id": one.row["organisation_id"], "occurrence_id": occurrence,
                         "send_id": occurrence, "contact_id": one.id, "step": step, "rank": 50, "priority": 50,
                         "due_at": sent, "created_at": sent, "attempts": 1}
            )  # fmt: skip
            if robot or opened:
                traces.append(
                    {"organisation_id": one.row["organisation_id"], "occurrence_id": occurrence, "message_id": message_id,
                     "kind": "open", "at": sent, "who": "robot" if robot else "human"}
                )  # fmt: skip
            one.messages.append(known | {"any_open": sent if robot or opened else None})
    session.execute(insert(Message), rows)
    session.execute(insert(EngagementEvent), traces)
