"""The audit chain is keyed: entries are chained anew under the key of the installation, after the old chain was proved whole."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from alembic import context, op
from sqlalchemy import text

from app.core.settings import Settings
from app.core.vault import vault_from

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SIGNED = (
    "seq", "at", "actor_kind", "actor_id", "actor_name", "action", "subject_kind", "subject_id",
    "before", "after", "ip", "correlation_id",
)  # fmt: skip
GENESIS = b"\x00" * 32


def upgrade() -> None:
    connection = op.get_bind()
    master = (context.config.attributes.get("settings") or Settings.from_env()).master_key
    for organisation_id in list(connection.execute(text("SELECT organisation_id FROM audit_heads")).scalars()):
        rechain(connection, organisation_id, vault_from(master).key_for(f"audit|{organisation_id}"))


def rechain(connection: Any, organisation_id: UUID, key: bytes) -> None:
    """Prove the chain of an organisation by what it was made with, and chain it anew with its key."""
    old = new = GENESIS
    columns = ", ".join(("id", "hash", "previous", *SIGNED))
    query = text(f"SELECT {columns} FROM audit_entries WHERE organisation_id = :o ORDER BY seq")  # noqa: S608 - our own names
    stream = connection.execute(query, {"o": organisation_id}, execution_options={"yield_per": 2000})
    for rows in stream.mappings().partitions():
        changed = []
        for row in rows:
            said = _said(row)
            if row["previous"] != old or row["hash"] != hashlib.sha256(old + said).digest():
                raise RuntimeError(
                    f"The audit chain of organisation {organisation_id} is broken at entry {row['seq']}. Nothing was migrated: "
                    "keep everything as it is and call your security officer."
                )
            old, previous, new = row["hash"], new, hmac.digest(key, new + said, "sha256")
            changed.append({"id": row["id"], "previous": previous, "hash": new})
        connection.execute(text("UPDATE audit_entries SET previous = :previous, hash = :hash WHERE id = :id"), changed)
    connection.execute(
        text("UPDATE audit_heads SET hash = :h WHERE organisation_id = :o"), {"h": new, "o": organisation_id}
    )


def _said(row: Any) -> bytes:
    values = dict(_canonical(row))
    return json.dumps(values, sort_keys=True, ensure_ascii=False).encode()


def _canonical(row: Any) -> Iterator[tuple[str, Any]]:
    for name in SIGNED:
        value = row[name]
        if isinstance(value, datetime):
            value = value.astimezone(UTC).isoformat()
        yield name, str(value) if isinstance(value, UUID) else value


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
