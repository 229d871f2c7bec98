"""What is said of messages everywhere: channels, states, and why one was not sent; marked for translation."""

from app.core.errors import mark

CHANNEL = {"sms": mark("SMS"), "email": mark("E-mail")}

STATE = {
    "queued": mark("Waiting"),
    "sending": mark("On the wire"),
    "in_doubt": mark("In doubt"),
    "sent": mark("Handed over, no receipt yet"),
    "delivered": mark("Delivered"),
    "undeliverable": mark("Undeliverable"),
    "failed": mark("Failed"),
    "skipped": mark("Skipped"),
    "cancelled": mark("Cancelled"),
    "expired": mark("Out of date"),
}

REASON = {
    "no_consent": mark("No consent"),
    "restricted": mark("Restricted by the core bank"),
    "suppressed": mark("Suppressed address"),
    "restriction_feed_stale": mark("Restrictions of the core bank are older than a day"),
    "frequency_cap": mark("Had as much marketing as is allowed"),
    "no_address": mark("No address"),
    "not_mobile": mark("Not a mobile number"),
    "duplicate_address": mark("Same address as somebody else"),
    "already_told": mark("Told of this month already"),
    "erased": mark("Erased"),
    "deleted": mark("Deleted"),
    "address_changed": mark("Address changed meanwhile"),
    "text_failed": mark("The text could not be made"),
    "cancelled": mark("Cancelled"),
    "expired": mark("Out of date"),
    "invalid_number": mark("Invalid number or address"),
    "timeout": mark("No answer from the network"),
    "quota_exceeded": mark("Quota exceeded"),
    "undeliverable": mark("Undeliverable"),
    "provider_error": mark("Provider error"),
    "opted_out": mark("Opted out"),
    "filtered": mark("Filtered"),
    "bounced": mark("Bounced"),
    "no_confirmation": mark("No confirmation within 72 hours"),
    "late": mark("It was too late for it"),
    "gone": mark("Deleted or erased meanwhile"),
    "no_message": mark("Nothing was sent before"),
}
