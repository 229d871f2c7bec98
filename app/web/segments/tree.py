"""The builder's tree as its form carries it: tokens in document order, values by id; and what its buttons do to it.

`t` is the structure: `g:<id>` opens a group, `r:<id>` is a condition, `/` closes a group. Everything else is `<id>.<part>`.
Nothing is numbered, so that dragging only has to reorder the inputs.
"""

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field

from werkzeug.datastructures import MultiDict

from app.core.errors import Conflict, Invalid, mark
from app.domain.segments.definition import MOST_CONDITIONS, MOST_DEEP

DEEPEST = 4 * MOST_DEEP  # what is a little too deep is shown with its mistake; a bottomless one is nobody's work
Pairs = list[tuple[str, str]]
_ID = re.compile(r"[gr][1-9][0-9]{0,5}")
_MOST_TOKENS = 1000
CLOSE = "/"
# What a condition may carry; which parts it has depends on its field (conditions.py).
PARTS = (
    "field", "was", "op", "v", "unit", "channel", "campaign", "who", "span", "last", "from", "to", "salt", "count",
    "event", "wp", "wo", "wv", "measure", "property", "vu", "happened", "then", "xp", "xo", "xv",
    "days", "k", "on", "month", "programme",
)  # fmt: skip
FILTERS, FILTER = "wx", "pov"  # of the event of a row, and of the one after it: property, operator, value, side by side
_PASSING = ("was", "count")  # what the page remembers of a row, no part of its meaning


@dataclass
class Rule:
    """One condition, exactly as it was typed."""

    id: str
    values: dict[str, list[str]] = field(default_factory=dict)
    is_negated: bool = False

    def one(self, part: str, default: str = "") -> str:
        """The first value of a part, without space at its ends."""
        values = self.values.get(part)
        return values[0].strip() if values else default


@dataclass
class Group:
    """Conditions and groups of which all or any must hold, or, negated, must not."""

    id: str
    conj: str = "all"
    is_negated: bool = False
    kids: list["Rule | Group"] = field(default_factory=list)


Node = Rule | Group


def read(form: "MultiDict[str, str]") -> Group:
    """The tree of a form. Raises Invalid if the tokens do not fit together."""
    tokens = form.getlist("t")
    if len(tokens) > _MOST_TOKENS:
        raise _damaged()
    root: Group | None = None
    open_groups: list[Group] = []
    seen: set[str] = set()
    for told in tokens:
        if told == CLOSE and open_groups:
            open_groups.pop()
            continue
        node = _node(form, told, seen)
        if open_groups:
            open_groups[-1].kids.append(node)
        elif root is None and isinstance(node, Group):
            root = node
        else:
            raise _damaged()
        if isinstance(node, Group):
            _open(open_groups, node)
    if root is None or open_groups:
        raise _damaged()
    return root


def _open(groups: list[Group], group: Group) -> None:
    if len(groups) == DEEPEST:
        raise _damaged()
    groups.append(group)


def _node(form: "MultiDict[str, str]", told: str, seen: set[str]) -> Node:
    kind, _, node_id = told.partition(":")
    if kind not in ("g", "r") or not _ID.fullmatch(node_id) or node_id[0] != kind or node_id in seen:
        raise _damaged()
    seen.add(node_id)
    is_negated = form.get(f"{node_id}.neg") == "1"
    if kind == "g":
        return Group(node_id, "any" if form.get(f"{node_id}.conj") == "any" else "all", is_negated)
    values = {part: form.getlist(f"{node_id}.{part}") for part in PARTS if f"{node_id}.{part}" in form}
    return Rule(node_id, values, is_negated)


def _damaged() -> Invalid:
    return Invalid(mark("The form of the segment is damaged. Reload the page."))


def pairs(node: Node) -> Pairs:
    """The tree as the names and values of a form; `read` gives it back."""
    if isinstance(node, Rule):
        kept = [(part, node.values[part]) for part in PARTS if part in node.values and part not in _PASSING]
        said = [(f"{node.id}.{part}", value) for part, values in kept for value in values]
        return [("t", f"r:{node.id}"), *_negated(node), *said]
    inside = [pair for kid in node.kids for pair in pairs(kid)]
    return [("t", f"g:{node.id}"), (f"{node.id}.conj", node.conj), *_negated(node), *inside, ("t", CLOSE)]


def _negated(node: Node) -> Pairs:
    return [(f"{node.id}.neg", "1")] if node.is_negated else []


def walk(node: Node, parent: Group | None = None) -> Iterator[tuple[Node, Group | None]]:
    """Every node in document order, each with the group it lies in."""
    yield node, parent
    if isinstance(node, Group):
        for kid in node.kids:
            yield from walk(kid, node)


def rules(root: Group) -> list[Rule]:
    """Every condition in document order."""
    return [node for node, _ in walk(root) if isinstance(node, Rule)]


def depth(node: Node) -> int:
    """How many groups lie in each other."""
    return 1 + max(map(depth, node.kids), default=0) if isinstance(node, Group) else 0


def levels(node: Group, above: int = 1) -> Iterator[tuple[str, int]]:
    """The id of every group, and how deep it lies; the outermost is 1."""
    yield node.id, above
    for kid in node.kids:
        if isinstance(kid, Group):
            yield from levels(kid, above + 1)


# ---- What the buttons do


@dataclass
class Place:
    """A node, the group it lies in and that group's group; of the root there is neither."""

    root: Group
    node: Node
    parent: Group | None
    at: int = 0  # which of the filters of a row is meant

    @property
    def index(self) -> int:
        assert self.parent is not None
        return next(n for n, kid in enumerate(self.parent.kids) if kid is self.node)

    def fresh(self, kind: str) -> str:
        """An id nobody has."""
        taken = [int(node.id[1:]) for node, _ in walk(self.root) if node.id[0] == kind]
        return f"{kind}{max(taken, default=0) + 1}"


def act(root: Group, order: str) -> tuple[Group, str]:
    """Do what a button says (`add-rule:g2`); the new tree, and the id of the node to look at next.

    A button of a tree that has changed meanwhile does nothing. Raises Conflict where a limit would be broken.
    """
    verb, node_id, at, *_ = [*order.split(":"), "", ""]
    changed, number = deepcopy(root), int(at) if at.isascii() and at.isdigit() else 0
    place = next((Place(changed, node, up, number) for node, up in walk(changed) if node.id == node_id), None)
    if verb not in VERBS or place is None:
        return root, ""
    looked_at = VERBS[verb](place)
    if len(rules(changed)) > MOST_CONDITIONS:
        raise Conflict(mark("Too many conditions: %(most)s at most."), most=MOST_CONDITIONS)
    if depth(changed) > MOST_DEEP:
        raise Conflict(mark("Groups lie too deep: %(most)s levels at most."), most=MOST_DEEP)
    return changed, looked_at


def _add_rule(place: Place) -> str:
    if not isinstance(place.node, Group):
        return ""
    rule = Rule(place.fresh("r"))
    place.node.kids.append(rule)
    return rule.id


def _add_group(place: Place) -> str:
    if not isinstance(place.node, Group):
        return ""
    rule = Rule(place.fresh("r"))
    place.node.kids.append(Group(place.fresh("g"), _other(place.node.conj), kids=[rule]))
    return rule.id


def _other(conj: str) -> str:
    return "any" if conj == "all" else "all"


def _delete(place: Place) -> str:
    if place.parent is None:
        return ""
    index = place.index
    del place.parent.kids[index]
    left = place.parent.kids
    return left[min(index, len(left) - 1)].id if left else place.parent.id


def _duplicate(place: Place) -> str:
    if place.parent is None:
        return ""
    copy = deepcopy(place.node)
    place.parent.kids.insert(place.index + 1, copy)
    for node, _ in walk(copy):
        # Taken one by one: each new id is in the tree before the next is made.
        node.id = place.fresh(node.id[0])
    return copy.id


def _move(step: int) -> Callable[[Place], str]:
    """One place up or down; at the end of its group out of it."""

    def move(place: Place) -> str:
        if place.parent is None:
            return ""
        kids, index = place.parent.kids, place.index
        if 0 <= index + step < len(kids):
            kids[index], kids[index + step] = kids[index + step], kids[index]
        else:
            _step_out(place, after=step > 0)
        return place.node.id

    return move


def _indent(place: Place) -> str:
    """Into the group before it, or the one after it, or a new one of its own."""
    if place.parent is None:
        return ""
    kids, index = place.parent.kids, place.index
    before, after = kids[index - 1] if index else None, kids[index + 1] if index + 1 < len(kids) else None
    if isinstance(before, Group):
        before.kids.append(kids.pop(index))
    elif isinstance(after, Group):
        after.kids.insert(0, kids.pop(index))
    else:
        kids[index] = Group(place.fresh("g"), _other(place.parent.conj), kids=[place.node])
    return place.node.id


def _outdent(place: Place) -> str:
    """Out of its group, to the place after it."""
    _step_out(place, after=True)
    return place.node.id


def _step_out(place: Place, *, after: bool) -> None:
    """Beside the group it lies in; a group that is left empty goes away."""
    group = place.parent
    above = next((up for node, up in walk(place.root) if node is group), None)
    if group is None or above is None:
        return
    at = Place(place.root, group, above).index
    del group.kids[place.index]
    kept = [group] if group.kids else []
    above.kids[at : at + 1] = [*kept, place.node] if after else [place.node, *kept]


def _negate(place: Place) -> str:
    place.node.is_negated = not place.node.is_negated
    return place.node.id


def _add_filter(which: str) -> Callable[[Place], str]:
    """One property more that the events of a row have to have."""

    def add(place: Place) -> str:
        if not isinstance(place.node, Rule):
            return ""
        said = [place.node.values.setdefault(which + part, []) for part in FILTER]
        number = len(place.node.values[which + "o"])
        for values, first in zip(said, ("", "eq", ""), strict=True):
            values[number:] = [first]
            values[:0] = [""] * (number + 1 - len(values))
        return f"{place.node.id}.{which}{number}"

    return add


def _drop_filter(which: str) -> Callable[[Place], str]:
    def drop(place: Place) -> str:
        if isinstance(place.node, Rule):
            for part in FILTER:
                del place.node.values.get(which + part, [])[place.at : place.at + 1]
        return place.node.id

    return drop


VERBS: dict[str, Callable[[Place], str]] = {
    "add-rule": _add_rule,
    "add-group": _add_group,
    "delete": _delete,
    "duplicate": _duplicate,
    "up": _move(-1),
    "down": _move(1),
    "indent": _indent,
    "outdent": _outdent,
    "not": _negate,
    **{f"add-{which}": _add_filter(which) for which in FILTERS},
    **{f"drop-{which}": _drop_filter(which) for which in FILTERS},
}
