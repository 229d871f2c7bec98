"""What people type to find a person: posted, then sealed into the address of the list it leads to.

Names, phones and e-mails must not stand in addresses, which are kept in histories and logs and told to other pages. Whoever
typed the words can go back to them, reload them and turn their pages; nobody else can read or open them.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from typing import Any

from flask import g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.core.db import db
from app.core.errors import Invalid, mark
from app.core.text import clean
from app.domain.access.keyring import vault_of

NAME = "s"
LONGEST = 320  # an e-mail


def leads_to(endpoint: str, field: str, others: Iterable[str] = (), **values: Any) -> ResponseReturnValue:
    """Answer a search form: go to the list, with the words of `field` sealed and the `others` as they are."""
    words = clean(request.form.get(field, ""))[:LONGEST]
    values |= {name: request.form[name] for name in others if request.form.get(name)}
    if words:
        values[NAME] = _sealed(words)
    return redirect(url_for(endpoint, **values), 303)


def words() -> str:
    """What the list at hand is searched for. Raises Invalid if somebody else has typed it."""
    given = request.args.get(NAME, "")
    if not given:
        return ""
    try:
        return vault_of(db.session()).open(urlsafe_b64decode(given + "=" * (-len(given) % 4)), _bound()).decode()
    except ValueError:  # not written as ours are, or sealed for somebody else
        raise Invalid.field(NAME, mark("Only who searched can open this search. Type it again.")) from None


def _sealed(words: str) -> str:
    return urlsafe_b64encode(vault_of(db.session()).seal(words.encode(), _bound())).decode().rstrip("=")


def _bound() -> str:
    return f"sought|{g.actor.id}"
