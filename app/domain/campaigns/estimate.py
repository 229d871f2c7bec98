"""How many SMS parts an audience takes, from a sample of it, and how many of them are owed to a few signs in people's names."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from time import monotonic
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.core.errors import mark
from app.core.money import rounded
from app.core.sql import load
from app.domain.access.keyring import organisation_of, vault_of
from app.domain.content import sms
from app.domain.content.checks import Finding
from app.domain.content.models import TemplateVersion
from app.domain.content.preview import example_url
from app.domain.content.render import TemplateError, prepared
from app.domain.messages.rendering import data_of

SAMPLE = 200
SAMPLE_SECONDS = 2.0
_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_RECIPIENTS = load("messages/queries.sql")["recipients"]


@dataclass(frozen=True)
class Estimate:
    """Parts a recipient on average; `excess` of them by language, where values make a plain text Unicode."""

    average: Decimal
    excess: dict[str, Decimal]

    def findings(self, session: Session, will_receive: int, cost: Decimal) -> list[Finding]:
        """What these values cost, by language; nothing where it is less than a part."""
        currency = organisation_of(session).currency
        message = mark(
            "For some people a value, such as a Hebrew name, makes this text Unicode:"
            " about %(parts)s parts more than without, for about %(cost)s."
        )
        many = ((language, (share * will_receive).to_integral_value()) for language, share in self.excess.items())
        return [
            Finding("warning", message, language, {"parts": int(parts), "cost": f"{rounded(parts * cost)} {currency}"})
            for language, parts in sorted(many)
            if parts
        ]


def estimate(session: Session, name: str, version: TemplateVersion, audience: Select[Any]) -> Estimate:
    """Make the texts of a few people. Who cannot be made one for does not count: he gets none."""
    plain = {
        language: sms.is_plain(_LIQUID.sub("", str(said.get("body") or ""))) for language, said in version.texts.items()
    }
    total, made, excess = 0, 0, Counter[str]()
    for language, text in _texts(session, name, version, audience):
        made, total = made + 1, total + sms.measure(text).parts
        if plain.get(language):
            excess[language] += sms.excess(text)
    if not made:
        return Estimate(Decimal(1), {})
    return Estimate(
        Decimal(total) / made, {language: Decimal(parts) / made for language, parts in excess.items() if parts}
    )


def _texts(session: Session, name: str, version: TemplateVersion, audience: Select[Any]) -> Iterator[tuple[str, str]]:
    people = audience.limit(SAMPLE).subquery()
    ids = list(session.execute(select(people.c[0])).scalars())
    vault, ready = vault_of(session), prepared(version, "sms")
    names, url = {"organisation": organisation_of(session).name, "source": name}, example_url(session)
    until = monotonic() + SAMPLE_SECONDS
    for number, row in enumerate(session.execute(_RECIPIENTS, {"contacts": ids}).mappings().all()):
        if number and monotonic() > until:
            return
        data = data_of(dict(row), vault.open_person(row["id"], row["key"], row["person"]), names)
        language = ready.language_for(row["language"])
        try:
            yield language, ready.sms(language, {**data, "unsubscribe_url": url})
        except TemplateError:
            continue
