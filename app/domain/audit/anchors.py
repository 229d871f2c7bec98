"""Heads of the audit chains, kept outside the database: a file that only grows, a line a head.

Whoever cuts the end of a chain, or removes it whole, together with its head in the database, has to find this file, too. Copy it
to where the database's administrators do not reach.
"""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.settings import Settings
from app.core.unit import actor_of, settings_of
from app.domain.audit.models import AuditHead

log = logging.getLogger(__name__)


EVERY = 60  # seconds between two lines of one organisation
_kept: dict[tuple[Path, UUID], tuple[int, float]] = {}  # what this process knows of the file: entry and moment


def keep(session: Session) -> bool:
    """Write down the present head of the session's organisation, if there is something new; True if a line was written."""
    organisation_id, settings = actor_of(session).organisation_id, settings_of(session)
    path = file_of(settings)
    last, at = _kept.get((path, organisation_id)) or (max(of(settings, organisation_id), default=0), -EVERY)
    if monotonic() - at < EVERY:
        return False
    _kept[path, organisation_id] = (last, monotonic())
    head = session.execute(select(AuditHead)).scalar_one_or_none()
    if head is None or head.seq <= last:
        if last and (head is None or head.seq < last):
            log.error("the audit chain is shorter than it was", extra={"organisation": organisation_id, "was": last})
        return False
    _kept[path, organisation_id] = (head.seq, monotonic())
    line = {
        "organisation": str(organisation_id),
        "seq": head.seq,
        "hash": head.hash.hex(),
        "at": clock.now().isoformat(),
    }
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8") as kept:
        kept.write(json.dumps(line) + "\n")
        kept.flush()
        os.fsync(kept.fileno())
    return True


def of(settings: Settings, organisation_id: UUID) -> dict[int, bytes]:
    """The anchored heads of an organisation: {number of the entry: its digest}."""
    own = str(organisation_id)
    return {int(line["seq"]): bytes.fromhex(line["hash"]) for line in _lines(settings) if line["organisation"] == own}


def organisations(settings: Settings) -> set[UUID]:
    """Every organisation that has ever had a head."""
    return {UUID(line["organisation"]) for line in _lines(settings)}


def file_of(settings: Settings) -> Path:
    """Where the anchors are."""
    return settings.audit_anchors or settings.data / "audit-anchors.jsonl"


def _lines(settings: Settings) -> Iterator[dict[str, str]]:
    try:
        with file_of(settings).open(encoding="utf-8") as kept:
            yield from (json.loads(line) for line in kept if line.endswith("\n"))
    except FileNotFoundError:
        return
