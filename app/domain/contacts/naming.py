"""What the fields of a contact are called, on pages, in files and in histories."""

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
