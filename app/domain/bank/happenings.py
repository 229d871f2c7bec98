"""What the bank's month tells the rest of the house: ids, outcome and time, never a balance or a list."""

from datetime import date
from uuid import UUID

from app.core.nouns import Happening


class BalancesVerified(Happening):
    """A day of balances is there and looked through; `subject` is the organisation."""

    kind = "balances.verified"
    day: date
    records: int
    issues: int


class QualificationCalculated(Happening):
    """A month was calculated; `subject` is the run."""

    kind = "qualification.calculated"
    programme: UUID
    month: date
    version: int


class QualificationApproved(Happening):
    """A second person approved a run."""

    kind = "qualification.approved"


class QualificationReleased(Happening):
    """The messages of a run are being made."""

    kind = "qualification.released"


class QualificationCompleted(Happening):
    """Everybody of a run was told, or has a reason why not."""

    kind = "qualification.completed"
