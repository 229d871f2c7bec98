"""The webhook body our generic carrier and the sandbox relay share: `{"events": [...]}`, signed by one header."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.core import jsontext
from app.gateways.channels.base import BadReceipt, Category, Inbound, Receipt, ReceiptKind

SIGNATURE = "X-Carrier-Signature"
# The carrier's codes in our words; a code not listed is undeliverable, and keeps its own name in `code`.
CATEGORIES: dict[str, Category] = {
    "invalid_number": Category.INVALID_NUMBER,
    "unknown_subscriber": Category.INVALID_NUMBER,
    "unknown_mailbox": Category.INVALID_NUMBER,
    "absent": Category.TIMEOUT,
    "expired": Category.TIMEOUT,
    "timeout": Category.TIMEOUT,
    "throttled": Category.QUOTA_EXCEEDED,
    "quota_exceeded": Category.QUOTA_EXCEEDED,
    "no_credit": Category.QUOTA_EXCEEDED,
    "mailbox_full": Category.QUOTA_EXCEEDED,
    "provider_error": Category.PROVIDER_ERROR,
    "opted_out": Category.OPTED_OUT,
    "filtered": Category.FILTERED,
    "spam": Category.FILTERED,
}
_GOOD = (ReceiptKind.SENT, ReceiptKind.DELIVERED, ReceiptKind.COMPLAINED)


def header(headers: Mapping[str, str], name: str) -> str:
    """One header, however its name is written."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), "")


def category_of(code: str | None) -> Category:
    """The category of a carrier's code."""
    return CATEGORIES.get(code or "", Category.UNDELIVERABLE)


def kind_of(status: object) -> ReceiptKind | None:
    """The kind of a status the carrier names, if it is one of ours."""
    return next((kind for kind in ReceiptKind if kind == status), None)


def receipts(body: bytes) -> list[Receipt]:
    """Read the receipts of a body. Raises: BadReceipt."""
    return [_receipt(event) for event in _events(body)]


def inbound(body: bytes) -> list[Inbound]:
    """Read the messages people wrote. Raises: BadReceipt."""
    return [_inbound(event) for event in _events(body)]


def as_json(receipt: Receipt) -> dict[str, str | None]:
    """One receipt as it goes over the wire."""
    return {
        "event_id": receipt.event_key,
        "id": receipt.provider_id,
        "reference": receipt.reference,
        "status": receipt.kind.value,
        "code": receipt.code,
        "occurred_at": receipt.occurred_at.astimezone(UTC).isoformat(),
    }


def _events(body: bytes) -> list[dict[str, Any]]:
    try:
        found = jsontext.loads(body)
    except ValueError as bad:
        raise BadReceipt("not JSON") from bad
    events = found.get("events") if isinstance(found, dict) else None
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise BadReceipt("no list of events")
    return events


def _inbound(event: dict[str, Any]) -> Inbound:
    key, sender, to, text = (_text(event, name) for name in ("event_id", "from", "to", "text"))
    return Inbound(key, sender, to, text, _moment(event))


def _receipt(event: dict[str, Any]) -> Receipt:
    kind = kind_of(_text(event, "status"))
    if kind is None:
        raise BadReceipt("unknown status")
    code = _optional(event, "code")
    reference, provider_id = _optional(event, "reference"), _optional(event, "id")
    if reference is None and provider_id is None:
        raise BadReceipt("neither reference nor id")
    category = None if kind in _GOOD else category_of(code)
    return Receipt(_text(event, "event_id"), reference, provider_id, kind, _moment(event), category, code)


def _text(event: dict[str, Any], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise BadReceipt(f"no {name}")
    return value


def _optional(event: dict[str, Any], name: str) -> str | None:
    value = event.get(name)
    return value if isinstance(value, str) and value else None


def _moment(event: dict[str, Any]) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(event, "occurred_at"))
    except ValueError as bad:
        raise BadReceipt("occurred_at is not a time") from bad
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
