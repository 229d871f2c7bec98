"""/bank/balances/files: days of balances as files."""

from typing import Any
from uuid import UUID

from flask import g, request
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.api.bank.blueprint import bp
from app.core.db import db
from app.core.errors import Invalid, mark
from app.domain.bank import files
from app.domain.bank.files import LARGEST, FileInput
from app.domain.bank.models import BalanceFile
from app.http import inputs
from app.http.auth import allow
from app.http.sizes import MB, takes


@bp.post("/balances/files")
@envelope.once("bank:write")
@takes(LARGEST + MB)
def file_in() -> ResponseReturnValue:
    """Take a multipart form's `file` with `day`, `rows`, `control_total`; without a `signature` a second person decides."""
    session, sent, given = db.session(), request.files.get("file"), request.form.to_dict()
    if sent is None:
        raise Invalid.field("file", mark("Send the file as “file” of a multipart form."))
    signed, name, content = given.pop("signature", ""), sent.filename or "", sent.read(LARGEST + 1)
    said = inputs.read(FileInput, given)
    if signed:
        row = files.receive(session, said, name, content, signed, by=g.actor)
        return envelope.ok(serialize(row), 202, location=f"/api/v1/bank/balances/files/{row.id}")
    asked = files.hand_in(session, said, name, content, by=g.actor)
    return envelope.ok({"approval_id": asked.id, "id": asked.subject_id}, 202, location=f"/api/v1/approvals/{asked.id}")


@bp.get("/balances/files")
@allow("bank:read")
@envelope.asks(paged=True)
def file_list() -> ResponseReturnValue:
    """Files, the newest first."""
    return envelope.listed(files.listed(db.session(), envelope.ask(), by=g.actor), serialize)


@bp.get("/balances/files/<uuid:file_id>")
@allow("bank:read")
def file_one(file_id: UUID) -> ResponseReturnValue:
    """One file and what became of it."""
    return envelope.ok(serialize(files.get(db.session(), file_id, by=g.actor)))


def serialize(row: BalanceFile) -> dict[str, Any]:
    """A file as the API shows it."""
    names = (
        "id", "day", "name", "digest", "is_signed", "rows", "control_total", "state", "failure", "kept", "issues", "created_by",
        "created_at", "taken_at",
    )  # fmt: skip
    return {name: getattr(row, name) for name in names}
