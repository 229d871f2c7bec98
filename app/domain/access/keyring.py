"""The vault of the organisation a session works for."""

from uuid import UUID

from sqlalchemy.orm import Session

from app.core.unit import actor_of, settings_of
from app.core.vault import OrganisationVault, vault_from
from app.domain.access.models import Organisation

_opened: dict[tuple[UUID, bytes], OrganisationVault] = {}


def vault_of(session: Session) -> OrganisationVault:
    """The organisation's vault: its key is read once a session and unwrapped once a process."""
    organisation_id = actor_of(session).organisation_id
    vault: OrganisationVault | None = session.info.get("vault")
    if vault is None or vault.organisation_id != organisation_id:
        vault = session.info["vault"] = _vault(session, organisation_id)
    return vault


def _vault(session: Session, organisation_id: UUID) -> OrganisationVault:
    wrapped = organisation_of(session).key
    key = (organisation_id, wrapped)
    if key not in _opened:
        _opened[key] = vault_from(settings_of(session).master_key).organisation(organisation_id, wrapped)
    return _opened[key]


def organisation_of(session: Session) -> Organisation:
    """The organisation the session works for; a session that has met it does not ask again."""
    return session.get_one(Organisation, actor_of(session).organisation_id)
