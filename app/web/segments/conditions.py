"""A row of the builder and a condition of the grammar: what a row offers, and each turned into the other.

The first choice of a row is a field of the contact, or one of the other kinds: `consent.sms`, `message.opened`, `segment`,
`bucket`. A row is kept as it was typed; only the domain decides whether it is right.
"""

import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from app.core.errors import mark
from app.domain.segments.definition import (
    CHANNELS,
    ENGAGEMENTS,
    Condition,
    Consented,
    FieldIs,
    InBucket,
    InSegment,
    Messaged,
    Span,
)
from app.domain.segments.fields import MANY, RELATIVE, Catalogue, Field
from app.domain.segments.words import OPS
from app.web.segments.tree import Rule

Said = dict[str, list[str]]
CONSENT, MESSAGE = "consent.", "message."
TIMES = {
    "gte": mark("at least"), "eq": mark("exactly"), "gt": mark("more than"),
    "lt": mark("fewer than"), "lte": mark("at most"),
}  # fmt: skip
STATES = {"granted": mark("given"), "withdrawn": mark("withdrawn"), "unknown": mark("never asked")}
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_LINE_ENDS = re.compile(r"[\n\r]+")
# A value of a list: in quotation marks where it holds a separator itself, or up to the next one. בע"מ is no quotation.
_LISTED = re.compile(r'\s*(?:"((?:[^"]|"")*)"(?=\s*(?:[,;،\t]|$))|([^,;،\t]+))\s*(?:[,;،\t]|$)')
_NEEDS_QUOTES = re.compile(r'[,;،\t]|^"')
_WITH_COMMAS = re.compile(r"[\n\r,،]+")


@dataclass(frozen=True)
class Control:
    """How the rest of a row is asked for: the operators to choose from, and the kind of input for its values."""

    ops: tuple[tuple[str, str], ...]
    input: str
    choices: tuple[tuple[str, str], ...] = ()
    translates: bool = True


def control(rule: Rule, known: Catalogue) -> Control | None:
    """What a row asks for; None while no field is chosen."""
    name = rule.one("field")
    if name.startswith(CONSENT):
        return Control(_ops("eq", "neq"), "choice", tuple(STATES.items()))
    if name.startswith(MESSAGE):
        return Control(tuple(TIMES.items()), "message")
    if name == "segment":
        return Control((("in", mark("is in")), ("not_in", mark("is not in"))), "segment")
    if name == "bucket":
        return Control((), "bucket")
    info = known.get(name)
    return Control(_ops(*info.ops), _input(info, rule.one("op")), info.choices, info.type == "choice") if info else None


def _ops(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, OPS[name]) for name in names)


def _input(info: Field, op: str) -> str:
    """The kind of input that fits a field and an operator."""
    if op in ("is_set", "is_not_set"):
        return "none"
    if op in RELATIVE:
        return "relative"
    if info.choices and op in MANY:
        return "choices"
    if op in MANY:
        return "words" if info.type == "list" else "lines"
    kind = {"choice": "choice", "number": "number", "date": "date", "moment": "date", "boolean": "boolean"}
    single = kind.get(info.type, "text")
    return f"{single}s" if op == "between" else single


def settled(rule: Rule, known: Catalogue) -> None:
    """Bring a row in order after a change: another field begins anew, what must be chosen has its first choice."""
    name = rule.one("field")
    if rule.one("was", name) != name:
        rule.values = {"field": [name]}
    asked = control(rule, known)
    for part, first in _begun(asked).items():
        rule.values.setdefault(part, [first])
    offered = [op for op, _ in asked.ops] if asked else []
    if offered and rule.one("op") not in offered:
        rule.values["op"] = [offered[0]]
    rule.values = {part: said for part, said in map(_tidy, rule.values.items()) if any(said)}
    rule.values |= {"field": [name], "was": [name]}


def _begun(asked: Control | None) -> dict[str, str]:
    """What the inputs of a row show before anybody chose."""
    match asked.input if asked else "":
        case "choice":
            return {"v": asked.choices[0][0]} if asked and asked.choices else {}
        case "boolean":
            return {"v": "true"}
        case "relative":
            return {"unit": "days"}
        case "message":
            return {"op": "gte", "v": "1", "who": "human", "last": "30", "unit": "days"}
        case "bucket":
            return {"salt": secrets.token_hex(3), "from": "0", "to": "10"}
    return {}


def _tidy(pair: tuple[str, list[str]]) -> tuple[str, list[str]]:
    """Line ends as the server writes them; browsers send others."""
    part, said = pair
    return part, [one.replace("\r\n", "\n") for one in said]


# ---- From a row to JSON


def as_json(rule: Rule, known: Catalogue) -> dict[str, Any]:
    """The row in the grammar; what was not chosen is left out, and the domain says so."""
    name = rule.one("field")
    if name.startswith(CONSENT):
        channel = name.removeprefix(CONSENT)
        return {"kind": "consent", "channel": channel, "op": rule.one("op"), "value": rule.one("v")}
    if name.startswith(MESSAGE):
        return _message(rule)
    if name == "segment":
        return {"kind": "segment", "segment": rule.one("v"), "op": rule.one("op")}
    if name == "bucket":
        return _bucket(rule)
    condition = {"kind": "field", "field": name, "op": rule.one("op")}
    value = _value(rule, known)
    unit = {"unit": rule.one("unit", "days")} if rule.one("op") in RELATIVE else {}
    return condition | ({} if value is None else {"value": value}) | unit


def _value(rule: Rule, known: Catalogue) -> Any:
    asked = control(rule, known)
    return _VALUES[asked.input if asked else "text"](rule.values.get("v", []))


def number(said: str) -> int | str:
    """A whole number, or what was typed without its thousands separators: exact, and refused by the domain if it is none."""
    clean = said.strip().replace(",", "").replace("\u00a0", "")
    return int(clean) if _WHOLE.fullmatch(clean) else clean


def _pieces(said: str, between: re.Pattern[str]) -> list[str]:
    return [piece.strip() for piece in between.split(said) if piece.strip()]


def listed(said: list[str]) -> list[str]:
    """The values of a list: typed or pasted, by lines, commas, semicolons or tabs; then those that were ticked. Each once."""
    typed = [found for line in _LINE_ENDS.split(_first(said)) for found in _LISTED.finditer(line)]
    values = [(found[1].replace('""', '"') if found[1] is not None else found[2]).strip() for found in typed]
    return list(dict.fromkeys(value for value in [*values, *said[1:]] if value))


def written(values: Iterable[str]) -> str:
    """Values as a list shows them, one a line, so that `listed` reads the same again."""
    return "\n".join('"' + value.replace('"', '""') + '"' if _NEEDS_QUOTES.search(value) else value for value in values)


def _first(said: list[str]) -> str:
    return said[0].strip() if said else ""


_VALUES: dict[str, Callable[[list[str]], Any]] = {
    "none": lambda said: None,
    "text": _first,
    "choice": _first,
    "choices": list,
    "lines": listed,
    "words": lambda said: _pieces(_first(said), _WITH_COMMAS),
    "number": lambda said: number(_first(said)),
    "numbers": lambda said: [number(one) for one in said],
    "relative": lambda said: number(_first(said)),
    "date": _first,
    "dates": list,
    "boolean": lambda said: {"true": True, "false": False}.get(_first(said), _first(said)),
}


def _message(rule: Rule) -> dict[str, Any]:
    condition: dict[str, Any] = {"kind": "message", "did": rule.one("field").removeprefix(MESSAGE)}
    condition |= {part: rule.one(part) for part in ("channel", "campaign") if rule.one(part)}
    if rule.one("who") == "any":
        condition["who"] = "any"
    condition["times"] = {"op": rule.one("op", "gte"), "value": number(rule.one("v", "1"))}
    span = rule.one("span")
    if span == "last":
        condition["within"] = {"last": number(rule.one("last")), "unit": rule.one("unit", "days")}
    elif span == "dates":
        condition["within"] = {part: rule.one(part) for part in ("from", "to") if rule.one(part)}
    return condition


def _bucket(rule: Rule) -> dict[str, Any]:
    """Shares are typed in per cent; "from 0 to 10" are the buckets 0 to 999."""
    first, end = _share(rule.one("from")), _share(rule.one("to"))
    last = end - 1 if isinstance(end, int) else end
    return {"kind": "bucket", "salt": rule.one("salt"), "from": first, "to": last}


def _share(said: str) -> int | str:
    clean = said.strip().rstrip("%").strip()
    whole, _, hundredths = clean.partition(".")
    is_share = whole.isascii() and whole.isdigit() and len(whole) <= 3 and re.fullmatch("[0-9]{0,2}", hundredths)
    return int(whole) * 100 + int(hundredths.ljust(2, "0")) if is_share else clean


# ---- From a condition to a row


def row(rule_id: str, condition: Condition, *, is_negated: bool = False) -> Rule:
    """The row of a condition."""
    values = {part: said for part, said in _said(condition).items() if said}
    return Rule(rule_id, {**values, "was": values["field"]}, is_negated)


def _said(condition: Condition) -> Said:
    match condition:
        case Consented():
            return {"field": [CONSENT + condition.channel], "op": [condition.op], "v": [condition.value]}
        case InSegment():
            return {"field": ["segment"], "op": [condition.op], "v": [str(condition.segment)]}
        case InBucket():
            shares = {"from": [_percent(condition.first)], "to": [_percent(condition.last + 1)]}
            return {"field": ["bucket"], "salt": [condition.salt], **shares}
        case Messaged():
            return _messaged(condition)
    return _field(condition)


def _percent(buckets: int) -> str:
    return f"{buckets // 100}.{buckets % 100:02}".removesuffix("00").removesuffix(".")


def _messaged(condition: Messaged) -> Said:
    times: Said = {"op": [condition.times.op], "v": [str(condition.times.value)]}
    about: Said = {
        "channel": [condition.channel or ""], "who": [condition.who], "campaign": [str(condition.campaign or "")],
    }  # fmt: skip
    return {"field": [MESSAGE + condition.did], **times, **about, **_span(condition.within)}


def _span(span: Span | None) -> Said:
    if span is None:
        return {}
    if span.last is not None:
        return {"span": ["last"], "last": [str(span.last)], "unit": [span.unit]}
    return {"span": ["dates"], "from": [span.first_day or ""], "to": [span.last_day or ""]}


def _field(condition: FieldIs) -> Said:
    head: Said = {"field": [condition.field], "op": [condition.op], "unit": [condition.unit or ""]}
    value = condition.value
    if value is None:
        return head
    if isinstance(value, list | tuple):
        texts = [str(one) for one in value]
        # Groups are check boxes and "between" two inputs: one value each. Everything else is one text with lines.
        separate = condition.op == "between" or condition.field in ("groups", "status")
        return {**head, "v": texts if separate else [written(texts)]}
    return {**head, "v": [str(value).lower() if isinstance(value, bool) else str(value)]}


# ---- What a row may begin with


def offered(known: Catalogue) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """The groups of the first choice: (heading, [(name, label, is the label ours to translate)])."""
    fields = list(known.fields.values())
    ours = [(info.name, info.label, True) for info in fields if not info.is_custom]
    own = [(info.name, info.label, False) for info in fields if info.is_custom]
    engagements = [(MESSAGE + did, ENGAGEMENT_WORDS[did], True) for did in ENGAGEMENTS]
    consents = [(CONSENT + channel, CONSENTS[channel], True) for channel in CHANNELS]
    others = [("segment", mark("Another segment"), True), ("bucket", mark("Random share"), True)]
    groups = [
        (mark("Contact"), ours), (mark("Own fields"), own), (mark("Consent"), consents),
        (mark("Messages"), engagements), (mark("Segments and shares"), others),
    ]  # fmt: skip
    return [(heading, found) for heading, found in groups if found]


CONSENTS = {"sms": mark("Consent to SMS"), "email": mark("Consent to e-mail")}
ENGAGEMENT_WORDS = {
    "sent": mark("Was sent a message"), "delivered": mark("Received a message"), "opened": mark("Opened a message"),
    "clicked": mark("Clicked in a message"), "bounced": mark("Had a message bounce"),
    "complained": mark("Complained about a message"), "unsubscribed": mark("Unsubscribed from a message"),
    "failed": mark("Could not be reached"),
}  # fmt: skip
