"""The rows of the builder and the conditions of the grammar, each turned into the other; `rows` knows the kinds."""

from typing import Any

from app.domain.segments.condition import Condition
from app.domain.segments.fields import Catalogue
from app.web.segments import rows
from app.web.segments.rows.base import Choice, Control
from app.web.segments.tree import Rule


def control(rule: Rule, known: Catalogue) -> Control | None:
    """What a row asks for; None while no field is chosen."""
    return rows.begun_by(rule.one("field")).control(rule, known)


def settled(rule: Rule, known: Catalogue) -> None:
    """Bring a row in order after a change: another field begins anew, what must be chosen has its first choice."""
    name = rule.one("field")
    if rule.one("was", name) != name:
        rule.values = {"field": [name]}
    asked = control(rule, known)
    for part, first in (rows.begun_by(name).begun(asked) if asked else {}).items():
        rule.values.setdefault(part, [first])
    if asked and "v" in rule.values:
        rule.values["v"] = rows.begun_by(name).kept(rule.values["v"], asked)
    offered = [op for op, _ in asked.ops] if asked else []
    if offered and rule.one("op") not in offered:
        rule.values["op"] = [offered[0]]
    rule.values = {part: said for part, said in map(_tidy, rule.values.items()) if any(said)}
    rule.values |= {"field": [name], "was": [name]}


def _tidy(pair: tuple[str, list[str]]) -> tuple[str, list[str]]:
    """Line ends as the server writes them; browsers send others."""
    part, said = pair
    return part, [one.replace("\r\n", "\n") for one in said]


def as_json(rule: Rule, known: Catalogue) -> dict[str, Any]:
    """The row in the grammar; what was not chosen is left out, and the domain says so."""
    return rows.begun_by(rule.one("field")).as_json(rule, known)


def row(rule_id: str, condition: Condition, *, is_negated: bool = False) -> Rule:
    """The row of a condition."""
    values = {part: said for part, said in rows.of(condition).said(condition).items() if said}
    return Rule(rule_id, {**values, "was": values["field"]}, is_negated)


def offered(known: Catalogue) -> list[tuple[str, list[Choice]]]:
    """The groups of the first choice: (heading, [(name, label, is the label ours to translate)])."""
    groups: dict[str, list[Choice]] = {}
    for kind in rows.ROWS.values():
        for heading, found in kind.offers(known):
            groups.setdefault(heading, []).extend(found)
    return [(heading, found) for heading, found in groups.items() if found]
