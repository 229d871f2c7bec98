"""The bucket of a contact as SQL: the same number as `vault.bucket` gives for one."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, LargeBinary, cast, func, literal

from app.core.vault import OrganisationVault
from app.domain.segments.definition import BUCKETS


def bucket_of(vault: OrganisationVault, salt: str, contact_id: ColumnElement[Any]) -> ColumnElement[int]:
    """0 to 9999: the first four bytes of SHA-256 over the salt's key and the id, as a number."""
    digest = func.sha256(literal(vault.bucket_key(salt), LargeBinary).op("||")(func.uuid_send(contact_id)))
    return cast(func.substring(digest, 1, 4), BigInteger) % BUCKETS
