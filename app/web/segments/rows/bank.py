"""Facts of the bank: a balance, or what became of a month."""

from collections.abc import Iterator
from typing import Any

from app.core.errors import mark
from app.domain.segments.fields import Catalogue, Field
from app.domain.segments.kinds.bank import OPS, STANDS, BalanceIs, BankFact, OutcomeIs
from app.web.segments.rows.base import Choice, Control, Row, Said, ops
from app.web.segments.rows.field import input_for
from app.web.segments.tree import Rule
from app.web.segments.typed import VALUES, number

BALANCE, OUTCOME = "bank.balance", "bank.outcome"
DAYS = {
    "every": mark("of every day"), "average": mark("on average"), "at_least": mark("of at least so many days"),
    "on": mark("on a day"),
}  # fmt: skip


class BankRow(Row):
    """Either fact."""

    def offers(self, known: Catalogue) -> Iterator[tuple[str, list[Choice]]]:
        """A choice for each fact; who qualified only where there is a programme."""
        outcome = [(OUTCOME, mark("Qualification"), True)] if known.programmes else []
        yield mark("Bank"), [(BALANCE, mark("Balance"), True), *outcome]

    def is_begun_by(self, name: str) -> bool:
        """`bank.balance`."""
        return name in (BALANCE, OUTCOME)

    def control(self, rule: Rule, known: Catalogue) -> Control:
        """A number to compare a balance with, or an outcome of a programme to choose."""
        if rule.one("field") == BALANCE:
            return Control(ops(*OPS), "balance", value=input_for(Field("", "", "number"), rule.one("op")))
        return Control(ops("eq", "neq"), "outcome", tuple(STANDS.items()))

    def begun(self, asked: Control) -> dict[str, str]:
        """Every day of this month; who qualified in the last."""
        if asked.input == "balance":
            return {"days": "every", "k": "20", "month": "current"}
        return {"v": "qualified", "month": "previous"}

    def as_json(self, rule: Rule, known: Catalogue) -> dict[str, Any]:
        """The fact."""
        month = {"month": rule.one("month", "current")}
        if rule.one("field") == OUTCOME:
            programme = rule.one("programme") or next(map(str, known.programmes), "")
            stands = {"op": rule.one("op"), "value": rule.one("v")}
            return {"kind": "bank", "fact": "outcome", "programme": programme, **stands, **month}
        way = rule.one("days", "every")
        days = {"at_least": {"at_least": number(rule.one("k"))}, "on": {"on": rule.one("on")}}.get(way, way)
        condition = {"kind": "bank", "fact": "balance", "days": days, "op": rule.one("op")}
        value = VALUES[self.control(rule, known).value](rule.values.get("v", []))
        return condition | ({} if value is None else {"value": value}) | ({} if way == "on" else month)

    def said(self, condition: BankFact) -> Said:
        """The same."""
        month = {"month": [condition.month]}
        if isinstance(condition, OutcomeIs):
            programme = {"programme": [str(condition.programme)]}
            return {"field": [OUTCOME], "op": [condition.op], "v": [condition.value], **programme, **month}
        assert isinstance(condition, BalanceIs)
        values = condition.value if isinstance(condition.value, list | tuple) else [condition.value]
        days: Said = {"days": [str(condition.days)]}
        if isinstance(condition.days, dict):
            (way, said), *_ = condition.days.items()
            days = {"days": [way], {"at_least": "k", "on": "on"}[way]: [str(said)]}
        return {
            "field": [BALANCE], "op": [condition.op], "v": [str(one) for one in values if one is not None], **days, **month,
        }  # fmt: skip
