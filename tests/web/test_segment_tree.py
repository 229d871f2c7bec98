"""The builder's tree: what its buttons do, and that a form and a definition survive the way there and back."""

import random
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from app.core.errors import Conflict, Invalid
from app.domain.segments.definition import MOST_CONDITIONS, MOST_DEEP, parse
from app.domain.segments.fields import FIELDS, Catalogue, Field
from app.web.segments import builder, conditions, tree
from app.web.segments.tree import Group, Node, Rule

KNOWN = Catalogue(
    {f.name: f for f in FIELDS}
    | {
        "properties.balance": Field("properties.balance", "Balance", "number", "property", is_custom=True),
        "properties.vip": Field("properties.vip", "VIP", "boolean", "property", is_custom=True),
        "properties.joined": Field("properties.joined", "Joined", "date", "property", is_custom=True),
        "groups": Field("groups", "Groups", "list", "groups", choices=(("g-1", "Branch 7"),)),
    },
    "IL",
)
SEGMENT = "01a20198-5bac-7857-97e5-1745d780819d"
CONDITIONS: list[dict[str, Any]] = [
    {"kind": "field", "field": "city", "op": "in", "value": ["חיפה", "O'Hara", "a,b"]},
    {"kind": "field", "field": "city", "op": "is_set"},
    {"kind": "field", "field": "tags", "op": "has_any", "value": ["vip", "staff"]},
    {"kind": "field", "field": "groups", "op": "has_all", "value": ["g-1"]},
    {"kind": "field", "field": "status", "op": "in", "value": ["active", "bounced"]},
    {"kind": "field", "field": "properties.balance", "op": "between", "value": [-5, "15000.10"]},
    {"kind": "field", "field": "properties.vip", "op": "is", "value": False},
    {"kind": "field", "field": "properties.joined", "op": "in_last", "value": 3, "unit": "months"},
    {"kind": "field", "field": "properties.joined", "op": "between", "value": ["2026-01-01", "2026-02-01"]},
    {"kind": "consent", "channel": "sms", "purpose": "marketing", "op": "neq", "value": "withdrawn"},
    {"kind": "segment", "segment": SEGMENT, "op": "not_in"},
    {"kind": "bucket", "salt": "spring", "from": 0, "to": 999},
    {"kind": "bucket", "salt": "spring", "from": 5, "to": 1249},
    {
        "kind": "message",
        "did": "opened",
        "who": "any",
        "times": {"op": "lt", "value": 3},
        "channel": "email",
        "campaign": SEGMENT,
    },
    {"kind": "message", "did": "clicked", "times": {"op": "gte", "value": 1}, "within": {"last": 2, "unit": "hours"}},
    {"kind": "message", "did": "sent", "times": {"op": "eq", "value": 0}, "within": {"from": "2026-01-01"}},
]


def shape(node: Node) -> Any:
    """The tree as nested lists of ids."""
    return node.id if isinstance(node, Rule) else [node.id, *map(shape, node.kids)]


def sample() -> Group:
    """g1( r1, g2( r2, r3 ), r4 )."""
    return Group("g1", kids=[Rule("r1"), Group("g2", "any", kids=[Rule("r2"), Rule("r3")]), Rule("r4")])


@pytest.mark.parametrize(
    ("order", "after", "look_at"),
    [
        ("add-rule:g2", ["g1", "r1", ["g2", "r2", "r3", "r5"], "r4"], "r5"),
        ("add-group:g1", ["g1", "r1", ["g2", "r2", "r3"], "r4", ["g3", "r5"]], "r5"),
        ("delete:r1", ["g1", ["g2", "r2", "r3"], "r4"], "g2"),
        ("delete:g2", ["g1", "r1", "r4"], "r4"),
        ("delete:g1", ["g1", "r1", ["g2", "r2", "r3"], "r4"], ""),
        ("duplicate:g2", ["g1", "r1", ["g2", "r2", "r3"], ["g3", "r5", "r6"], "r4"], "g3"),
        ("up:r4", ["g1", "r1", "r4", ["g2", "r2", "r3"]], "r4"),
        ("up:r1", ["g1", "r1", ["g2", "r2", "r3"], "r4"], "r1"),
        ("up:r2", ["g1", "r1", "r2", ["g2", "r3"], "r4"], "r2"),
        ("down:r3", ["g1", "r1", ["g2", "r2"], "r3", "r4"], "r3"),
        ("down:g2", ["g1", "r1", "r4", ["g2", "r2", "r3"]], "g2"),
        ("indent:r4", ["g1", "r1", ["g2", "r2", "r3", "r4"]], "r4"),
        ("indent:r1", ["g1", ["g2", "r1", "r2", "r3"], "r4"], "r1"),
        ("indent:r3", ["g1", "r1", ["g2", "r2", ["g3", "r3"]], "r4"], "r3"),
        ("outdent:r2", ["g1", "r1", ["g2", "r3"], "r2", "r4"], "r2"),
        ("outdent:r1", ["g1", "r1", ["g2", "r2", "r3"], "r4"], "r1"),
        ("explode:r1", ["g1", "r1", ["g2", "r2", "r3"], "r4"], ""),
        ("up:r77", ["g1", "r1", ["g2", "r2", "r3"], "r4"], ""),
    ],
)
def test_buttons(order: str, after: Any, look_at: str) -> None:
    before = sample()
    changed, seen = tree.act(before, order)
    assert (shape(changed), seen) == (after, look_at)
    assert shape(before) == shape(sample()), "what was there stays as it was"


def test_a_group_that_is_left_empty_goes_away() -> None:
    root, _ = tree.act(sample(), "outdent:r2")
    root, _ = tree.act(root, "outdent:r3")
    assert shape(root) == ["g1", "r1", "r3", "r2", "r4"]


def test_not_is_a_switch() -> None:
    once, _ = tree.act(sample(), "not:g2")
    twice, _ = tree.act(once, "not:g2")
    assert [node.is_negated for node, _ in tree.walk(once) if node.id == "g2"] == [True]
    assert tree.pairs(twice) == tree.pairs(sample())


def test_limits_are_told_and_nothing_changes() -> None:
    deep: Group = Group("g1")
    root, lowest = deep, "g1"
    for _ in range(MOST_DEEP - 1):
        root, _rule = tree.act(root, f"add-group:{lowest}")
        lowest = max((n.id for n, _ in tree.walk(root) if n.id[0] == "g"), key=lambda i: int(i[1:]))
    with pytest.raises(Conflict, match="too deep"):
        tree.act(root, f"add-group:{lowest}")
    wide = Group("g1", kids=[Rule(f"r{n}") for n in range(1, MOST_CONDITIONS + 1)])
    with pytest.raises(Conflict, match="Too many"):
        tree.act(wide, "duplicate:r7")


@pytest.mark.parametrize(
    "tokens",
    [[], ["/"], ["r:r1"], ["g:g1"], ["g:g1", "/", "g:g2", "/"], ["g:g1", "r:r1", "r:r1", "/"], ["g:r1", "/"], ["g:g1", "x", "/"],
     ["g:g1", "/", "/"], ["g:g1", "r:r01", "/"], ["g:g1", "r:<b>", "/"], ["g:g1", *["r:r1"] * 2000, "/"]],
)  # fmt: skip
def test_a_damaged_form_is_refused(tokens: list[str]) -> None:
    with pytest.raises(Invalid):
        tree.read(MultiDict([("t", token) for token in tokens]))


def test_random_buttons_never_break_a_tree() -> None:
    chance = random.Random(5)
    for _ in range(40):
        root = Group("g1")
        for _ in range(60):
            node = chance.choice([node.id for node, _ in tree.walk(root)])
            try:
                root, _seen = tree.act(root, f"{chance.choice(list(tree.VERBS))}:{node}")
            except Conflict:
                continue
        assert tree.pairs(tree.read(MultiDict(tree.pairs(root)))) == tree.pairs(root)
        ids = [node.id for node, _ in tree.walk(root)]
        assert len(ids) == len(set(ids))
        assert tree.depth(root) <= MOST_DEEP


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_a_condition_survives_its_row(condition: dict[str, Any]) -> None:
    read = parse({"where": {"all": [condition]}})
    state = builder.of_definition(read, KNOWN)
    form = MultiDict([*tree.pairs(state.root), ("zone", "organisation")])
    again, _paths = builder.as_json(builder.of_form(form, KNOWN), KNOWN)
    assert parse(again).dump() == read.dump()


def test_groups_and_negations_survive() -> None:
    inner = {"not": {"any": [CONDITIONS[0], {"not": CONDITIONS[1]}]}}
    raw = {
        "version": 1,
        "zone": "contact",
        "where": {"all": [inner, {"all": [CONDITIONS[2], {"any": [CONDITIONS[5]]}]}]},
    }
    again, paths = builder.as_json(builder.of_definition(parse(raw), KNOWN), KNOWN)
    assert parse(again).dump() == parse(raw).dump()
    assert paths["where.all[0].not.any[1].not"] == "r2"


@pytest.mark.parametrize("where", [CONDITIONS[0], {"not": CONDITIONS[0]}, {"not": {"not": CONDITIONS[0]}}])
def test_a_definition_without_a_group_gets_one(where: dict[str, Any]) -> None:
    root = builder.of_definition(parse({"where": where}), KNOWN).root
    again, _paths = builder.as_json(builder.Builder(root), KNOWN)
    assert len(tree.rules(root)) == 1
    assert str(again["where"]).count("'not'") == str(where).count("'not'")


def posted(state: builder.Builder, **changes: str) -> builder.Builder:
    """What the server makes of the form a state was drawn as, with these values typed or pressed."""
    form = MultiDict([*tree.pairs(state.root), ("log", builder.log(state))])
    for name, value in changes.items():
        form.setlist(name.replace("__", "."), [value])
    return builder.of_form(form, KNOWN)


def test_undo_and_redo_go_through_what_was_typed_and_pressed() -> None:
    first = builder.Builder(Group("g1"))
    added = posted(first, do="add-rule:g1")
    chosen = posted(added, r1__field="city")
    typed = posted(chosen, r1__v="Haifa")
    assert [len(s.past) for s in (first, added, chosen, typed)] == [0, 1, 2, 3]
    back = posted(typed, do="undo")
    assert back.root.kids[0].values.get("v") is None  # type: ignore[union-attr]
    further = posted(posted(back, do="undo"), do="undo")
    assert further.root.kids == []
    assert posted(further, do="undo") == further, "there is nothing before the beginning"
    forth = posted(posted(posted(further, do="redo"), do="redo"), do="redo")
    assert tree.pairs(forth.root) == tree.pairs(typed.root)
    assert posted(forth).past == forth.past, "nothing changed, nothing to undo"
    assert posted(back, r1__v="Eilat").future == ()


@pytest.mark.parametrize("log", ["", "x", "eJwrSS0uAQAEXQHB", "====", "A" * 5000])
def test_a_log_from_elsewhere_is_forgotten(log: str) -> None:
    state = posted(builder.Builder(sample()), log=log, do="undo")
    assert shape(state.root) == shape(sample())
    assert state.past == ()


def test_another_field_begins_its_row_anew() -> None:
    rule = Rule("r1", {"field": ["properties.balance"], "was": ["city"], "op": ["contains"], "v": ["Haifa"]})
    conditions.settled(rule, KNOWN)
    assert rule.one("op") == "eq"
    assert rule.one("v") == ""
    for name, part in (("message.opened", "v"), ("bucket", "salt"), ("consent.sms", "v"), ("properties.vip", "v")):
        fresh = Rule("r1", {"field": [name], "was": [""]})
        conditions.settled(fresh, KNOWN)
        assert fresh.one(part), f"{name} begins with a choice"
