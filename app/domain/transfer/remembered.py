"""What was chosen for an earlier file with the same header, so that a monthly file is mapped once."""

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.domain.transfer import imports
from app.domain.transfer.mapping import ImportOptions
from app.domain.transfer.models import Import


def keep(session: Session, row: Import, chosen: ImportOptions) -> None:
    """Remember what was chosen for a file that waits to be started, so that whoever opens it again finds it."""
    if row.state == "uploaded":
        row.options = chosen.model_dump(mode="json")
        session.flush()


def options(session: Session, row: Import) -> tuple[ImportOptions, Import | None]:
    """The options to begin with: what was chosen for this file, or for an earlier one, which is named; otherwise the guesses.

    Consent is never taken over from another file: that these people agreed has to be said for every one.
    """
    if row.options:
        return ImportOptions.model_validate(row.options), None
    query = (
        select(Import)
        .where(Import.columns == row.columns, Import.state.in_(["queued", "running", "completed"]))
        .order_by(Import.id.desc())
        .limit(1)
    )
    earlier = session.execute(query).scalar_one_or_none()
    if earlier is not None:
        try:
            chosen = ImportOptions.model_validate(earlier.options)
            imports.check(session, row, chosen)
        except (Invalid, ValidationError):
            earlier = None
        else:
            return chosen.model_copy(update={"consent": (), "basis": "", "wording": ""}), earlier
    return imports.suggested(row), None
