"""What a source gives to the text of one message beside the contact (a month's name, a code), sealed with the person's own key."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, FromClause, LargeBinary, Uuid, bindparam, func, select
from sqlalchemy.orm import Session

from app.core.db import live
from app.core.vault import OrganisationVault
from app.domain.access.keyring import vault_of
from app.domain.contacts.models import Contact

Values = Mapping[str, Any]
Recipient = tuple[UUID, UUID]  # occurrence, contact


def sealed(session: Session, values: Mapping[Recipient, Values]) -> FromClause:
    """Rows (occurrence_id, contact_id, payload) to be joined; whoever is not there any more has none."""
    contact, vault = live(Contact).c, vault_of(session)
    ids = list({contact_id for _, contact_id in values})
    keys = dict(session.execute(select(contact.id, contact.key).where(contact.id.in_(ids))).all()) if ids else {}
    known = [(occurrence, contact_id) for occurrence, contact_id in values if contact_id in keys]
    payloads = [
        vault.seal_for(one, keys[one], json.dumps(dict(values[occurrence, one])).encode(), occurrence.bytes)
        for occurrence, one in known
    ]
    arrays = (
        bindparam(None, [occurrence for occurrence, _ in known], ARRAY(Uuid)),
        bindparam(None, [contact_id for _, contact_id in known], ARRAY(Uuid)),
        bindparam(None, payloads, ARRAY(LargeBinary)),
    )
    return func.unnest(*arrays).table_valued("occurrence_id", "contact_id", "payload").render_derived("given")


def opened(vault: OrganisationVault, person: Mapping[str, Any], occurrence_id: UUID, payload: bytes | None) -> Values:
    """The values of a message to a person (a row with `id` and `key`). Raises Sealed when the person was erased."""
    if payload is None:
        return {}
    found: Values = json.loads(vault.open_for(person["id"], person["key"], payload, occurrence_id.bytes))
    return found
