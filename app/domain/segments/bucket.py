"""The bucket of a contact as SQL: the same number as `vault.bucket` gives for one."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, LargeBinary, cast, func, literal

from app.core.vault import OrganisationVault
from app.domain.segments.definition import BUCKETS


def in_buckets(
    vault: OrganisationVault, salt: str, contact_id: ColumnElement[Any], first: int, last: int
) -> ColumnElement[bool]:
    """True if the contact's bucket, the first four bytes of SHA-256 over the salt's key and its id, lies between two.

    Shifted so that one comparison is enough: BETWEEN would hash every contact twice.
    """
    digest = func.sha256(literal(vault.bucket_key(salt), LargeBinary).op("||")(func.uuid_send(contact_id)))
    number = cast(func.substring(digest, 1, 4), BigInteger) % BUCKETS
    shifted = (number + (BUCKETS - first)) % BUCKETS if first else number
    return shifted <= last - first
