"""The kinds of conditions. A new one is a class in a file here, and its line below."""

from app.domain.segments.condition import Condition
from app.domain.segments.kinds.bank import BalanceIs
from app.domain.segments.kinds.bucket import InBucket
from app.domain.segments.kinds.consent import Consented
from app.domain.segments.kinds.event import Did
from app.domain.segments.kinds.field import FieldIs
from app.domain.segments.kinds.message import Messaged
from app.domain.segments.kinds.segment import InSegment
from app.domain.segments.kinds.sequence import DidThen

KINDS: dict[str, type[Condition]] = {
    "field": FieldIs,
    "consent": Consented,
    "message": Messaged,
    "event": Did,
    "sequence": DidThen,
    "bank": BalanceIs,  # reads either fact
    "segment": InSegment,
    "bucket": InBucket,
}
