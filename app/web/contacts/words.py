"""How contact fields, types and consents are called on every page."""

from app.core.errors import mark
from app.domain.contacts import naming

FIELDS = naming.FIELDS
GENDERS = {"female": mark("Female"), "male": mark("Male")}
LANGUAGES = {"he": "עברית", "en": "English", "ar": "العربية", "ru": "Русский", "fr": "Français"}
CHANNELS = {"sms": mark("SMS"), "email": mark("E-mail")}
CONSENTS = {
    "granted": (mark("Granted"), "good"),
    "withdrawn": (mark("Withdrawn"), "bad"),
    "unknown": (mark("Unknown"), "neutral"),
}
REASONS = {
    "opt_out": mark("Opted out"),
    "hard_bounce": mark("The address does not exist"),
    "complaint": mark("Complained"),
    "manual": mark("By hand"),
    "legal": mark("Legal"),
}
CAME = {"imported": mark("Came in with an import"), "updated": mark("Was last written by an import")}
TONES = {
    "granted": "good", "withdrawn": "bad", "delivered": "good", "opened": "good", "clicked": "good", "replied": "good",
    "failed": "bad", "undeliverable": "bad", "skipped": "neutral", "cancelled": "neutral", "expired": "neutral",
}  # fmt: skip
