"""The rows of the builder, one class a kind of condition, registered here. Without one a condition is kept as it is."""

from app.domain.segments.condition import Condition
from app.web.segments.rows.bank import BankRow
from app.web.segments.rows.base import Row
from app.web.segments.rows.bucket import BucketRow
from app.web.segments.rows.consent import ConsentRow
from app.web.segments.rows.event import EventRow
from app.web.segments.rows.field import FieldRow
from app.web.segments.rows.kept import KeptRow
from app.web.segments.rows.message import MessageRow
from app.web.segments.rows.segment import SegmentRow
from app.web.segments.rows.sequence import SequenceRow

# In the order of the first choice; a field is whatever is none of the others.
ROWS: dict[str, Row] = {
    "field": FieldRow(),
    "consent": ConsentRow(),
    "event": EventRow(),
    "sequence": SequenceRow(),
    "bank": BankRow(),
    "message": MessageRow(),
    "segment": SegmentRow(),
    "bucket": BucketRow(),
}
KEPT = KeptRow()


def begun_by(name: str) -> Row:
    """The row of a first choice."""
    return next((row for row in (KEPT, *reversed(ROWS.values())) if row.is_begun_by(name)), ROWS["field"])


def of(condition: Condition) -> Row:
    """The row of a condition."""
    return ROWS.get(condition.kind, KEPT)
