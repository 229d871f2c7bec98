"""What stands in the addresses of pages: nothing that a person types to find a person."""

import re
from pathlib import Path

import pytest

from tests.house.test_templates import JINJA, PAGES, ROOT, name

# Fields of forms that are sent with GET, and what is typed or chosen there. All else is posted (app/web/sought.py).
OPEN = {
    "campaigns/index.html": {"q": "the name of a campaign", "state": "chosen"},
    "flows/index.html": {"q": "the name of a flow", "state": "chosen"},
    "segments/_moves.html": {"days": "chosen", "side": "chosen"},
    "segments/_overlap.html": {"segment": "chosen"},
    "segments/_versions.html": {"from": "a number", "to": "a number"},
    "segments/_segments.html": {"q": "the name of a segment", "state": "chosen"},
    "templates/_templates.html": {"q": "the name of a text", "channel": "chosen", "message_class": "chosen"},
    "events/index.html": {"event": "the name of an event"},
    "messages/index.html": dict.fromkeys(("campaign", "template", "state", "reason", "channel"), "chosen"),
    "replies/index.html": {"state": "chosen"},
    "audit/index.html": dict.fromkeys(("action", "subject", "actor", "from", "until"), "chosen"),
    "bank/whatif.html": {
        "run": "chosen",
        **dict.fromkeys(("threshold", "currency", "rule", "days", "calendar"), "a rule"),
    },
    "providers/days.html": {"on": "a day"},
    "dashboard/index.html": dict.fromkeys(("{{ name }}",), "from and to: days"),
}
_FORM = re.compile(r"<form\b(.*?)</form>", re.DOTALL)
_FIELD = re.compile(r"<(?:input|select|textarea)\b[^>]*?\bname=\"([^\"]*)\"")
_TAG = re.compile(r"<[a-z][^<>]*>")  # Jinja taken away
_READ = re.compile(r"request\.args(?:\.get\(|\[)\"(\w+)\"")
_PERSONAL = {"q", "email", "phone", "address", "name", "contact", "words", "text", "external_id"}


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_no_form_puts_what_finds_a_person_into_an_address(path: Path) -> None:
    text = path.read_text()
    known = OPEN.get("/".join(name(path).split("/")[1:]), {})
    for form in _FORM.findall(text):
        if 'method="post"' in JINJA.sub("", form).split(">")[0]:
            continue
        assert set(_FIELD.findall(form)) - set(known) == set(), (
            "a field that is sent in an address and is not listed above"
        )
    for tag in _TAG.findall(JINJA.sub("", text)):
        alone = re.match("<(?:input|select|textarea) ", tag) or "hx-include=" in tag
        assert not (alone and "hx-get=" in tag), "a field that is sent in an address by itself"


def test_no_view_reads_from_an_address_what_finds_a_person() -> None:
    listed = {page.split("/")[0] for page, fields in OPEN.items() if "q" in fields}
    for path in (ROOT / "app" / "web").rglob("*.py"):
        noun = path.relative_to(ROOT / "app" / "web").parts[0].removesuffix(".py")
        found = set(_READ.findall(path.read_text())) & _PERSONAL
        assert found - ({"q"} if noun in listed else set()) == set(), path
