"""What was chosen for an earlier file with the same header, so that a monthly file is mapped once (A3)."""

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.domain.transfer import imports
from app.domain.transfer.mapping import ImportOptions
from app.domain.transfer.models import Import


def options(session: Session, row: Import) -> tuple[ImportOptions, Import | None]:
    """The options to begin with, and the earlier import they are from; the guesses when there is none.

    Consent is never remembered: that these people agreed has to be said for every file.
    """
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
