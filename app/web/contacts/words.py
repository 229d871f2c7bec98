"""How contact fields, types and consents are called on every page."""

from app.core.errors import mark

FIELDS = {
    "external_id": mark("Customer number"),
    "first_name": mark("First name"),
    "last_name": mark("Last name"),
    "email": mark("E-mail"),
    "phone": mark("Phone"),
    "gender": mark("Gender"),
    "language": mark("Language"),
    "timezone": mark("Time zone"),
    "country": mark("Country"),
    "city": mark("City"),
    "postal_code": mark("Postal code"),
    "lifecycle_stage": mark("Lifecycle stage"),
    "properties": mark("Properties"),
    "tags": mark("Tags"),
    "groups": mark("Groups"),
}
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
