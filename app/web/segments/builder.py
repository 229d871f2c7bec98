"""The builder between two requests: what was typed, what is wrong with it, what it means, and the way back."""

import json
import zlib
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from app.core import jsontext
from app.core.errors import Conflict, Invalid, Issue
from app.domain.segments.check import check
from app.domain.segments.definition import AllOf, AnyOf, Definition, Not
from app.domain.segments.fields import Catalogue
from app.http.errors import said
from app.web.segments import conditions, tree
from app.web.segments.tree import Group, Node, Pairs, Rule

_KEPT = 30
_MOST_BYTES = 1_000_000
# Where the grammar's names and the inputs of a row differ.
_PART = {
    "value": "v", "segment": "v", "times.value": "v", "times.op": "op", "within.last": "last", "within.unit": "unit",
    "within.from": "from", "within.to": "to", "within": "from", "did": "field", "kind": "field", "": "v",
    "first.event": "event", "then.event": "then", "where.all": "wv", "first.where.all": "wv", "then.where.all": "xv",
    "days.at_least": "k", "days.on": "on",
}  # fmt: skip

Problems = dict[str, dict[str, list[str]]]


@dataclass(frozen=True)
class Builder:
    """The tree as typed, whose calendar it goes by, and the states before and after it for undo and redo."""

    root: Group
    zone: str = "organisation"
    past: tuple[Pairs, ...] = ()
    future: tuple[Pairs, ...] = ()
    look_at: str = ""
    refused: str = ""


@dataclass(frozen=True)
class Judged:
    """What a tree means: a definition of its finished rows, and by row what is wrong with the others.

    `unfinished` rows lack a value and are not told off while somebody is still choosing.
    """

    definition: Definition | None
    paths: dict[str, str]
    problems: Problems = field(default_factory=dict)
    unfinished: frozenset[str] = frozenset()
    general: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # what is wrong with the segment's name

    @property
    def says_something(self) -> bool:
        """False when all that was typed is wrong: then it is not everybody who is meant."""
        return self.definition is not None and (not self.problems or any(row.startswith("r") for row in self.paths))


# ---- In and out of the form


def of_definition(definition: Definition, known: Catalogue) -> Builder:
    """The builder of a segment that exists."""
    ids = _Ids()
    node = _row_or_group(definition.where, ids)
    root = node if isinstance(node, Group) else Group(ids.fresh("g"), kids=[node])
    return Builder(_settled(root, known), definition.zone)


def _settled(root: Group, known: Catalogue) -> Group:
    """Every row with all its choices made, so that the same rows are always the same pairs: undo compares them."""
    for rule in tree.rules(root):
        conditions.settled(rule, known)
    return root


class _Ids:
    def __init__(self) -> None:
        self.last: defaultdict[str, int] = defaultdict(int)

    def fresh(self, kind: str) -> str:
        self.last[kind] += 1
        return f"{kind}{self.last[kind]}"


def _row_or_group(node: Any, ids: _Ids) -> Node:
    if isinstance(node, Not):
        inner = _row_or_group(node.inner, ids)
        if inner.is_negated:  # not (not x): the builder has one "not" a node, so the outer one gets a group
            return Group(ids.fresh("g"), is_negated=True, kids=[inner])
        inner.is_negated = True
        return inner
    if isinstance(node, AllOf | AnyOf):
        group = Group(ids.fresh("g"), "all" if isinstance(node, AllOf) else "any")
        group.kids = [_row_or_group(part, ids) for part in (node.all if isinstance(node, AllOf) else node.any)]
        return group
    return conditions.row(ids.fresh("r"), node)


def of_form(form: "MultiDict[str, str]", known: Catalogue) -> Builder:
    """The builder of a posted form, after what its button asked for. Raises Invalid if the form is damaged."""
    root = _settled(tree.read(form), known)
    zone = "contact" if form.get("zone") == "contact" else "organisation"
    past, seen, future = _remembered(form.get("log", ""))
    builder = Builder(root, zone, past, future)
    typed = tree.pairs(root)
    if seen and typed != seen:
        builder = replace(builder, past=(*past, seen), future=())
    done = _done(builder, typed, form.get("do", ""))
    return replace(done, root=_settled(done.root, known))


def _done(builder: Builder, typed: Pairs, order: str) -> Builder:
    if order in ("undo", "redo"):
        return _travelled(builder, typed, order)
    try:
        root, look_at = tree.act(builder.root, order) if order else (builder.root, "")
    except Conflict as error:
        return replace(builder, refused=said(error))
    if root is builder.root:
        return builder
    return replace(builder, root=root, past=(*builder.past, typed), future=(), look_at=look_at)


def _travelled(builder: Builder, typed: Pairs, order: str) -> Builder:
    """One state back or forth."""
    past, future = builder.past, builder.future
    if order == "undo" and past:
        return replace(builder, root=tree.read(MultiDict(past[-1])), past=past[:-1], future=(typed, *future))
    if order == "redo" and future:
        return replace(builder, root=tree.read(MultiDict(future[0])), past=(*past, typed), future=future[1:])
    return builder


def log(builder: Builder) -> str:
    """The states before and after this one, for a hidden input."""
    kept = [list(builder.past[-_KEPT:]), tree.pairs(builder.root), list(builder.future[:_KEPT])]
    packed = b64encode(zlib.compress(json.dumps(kept, ensure_ascii=False).encode())).decode()
    return packed if len(packed) < _MOST_BYTES // 10 else ""


def _remembered(packed: str) -> tuple[tuple[Pairs, ...], Pairs, tuple[Pairs, ...]]:
    """What `log` packed. It comes from a browser, so it may be anything: then there is nothing to undo."""
    try:
        plain = zlib.decompressobj().decompress(b64decode(packed, validate=True), _MOST_BYTES)
        past, now, future = jsontext.loads(plain)
        states = [
            [(str(name), str(value)) for name, value in state] for state in (*past[-_KEPT:], now, *future[:_KEPT])
        ]
        for state in states:
            tree.read(MultiDict(state))
    except (ValueError, TypeError, NotBase64, zlib.error, Invalid):
        return (), [], ()
    at = len(past[-_KEPT:])
    return tuple(states[:at]), states[at], tuple(states[at + 1 :])


# ---- What it means


def judge(session: Session, builder: Builder, known: Catalogue, own_id: UUID | None = None) -> Judged:
    """Check the tree; rows with mistakes are left out of the definition, so that the rest can be counted."""
    problems: Problems = {}
    general: tuple[str, ...] = ()
    raw, paths = as_json(builder, known)
    definition = None
    # Twice, because references are only looked at when every value fits; a third time when both found something.
    for _ in range(3):
        try:
            definition = check(session, raw, own_id=own_id)
            break
        except Invalid as error:
            found, general = _by_row(error.details, paths)
            problems |= found
            raw, paths = as_json(builder, known, without=frozenset(problems))
            if not found:
                break
    unfinished = frozenset(rule.id for rule in tree.rules(builder.root) if _is_unfinished(rule, problems.get(rule.id)))
    return Judged(definition, {id_: path for path, id_ in paths.items()}, problems, unfinished, general)


def as_json(
    builder: Builder, known: Catalogue, without: frozenset[str] = frozenset()
) -> tuple[dict[str, Any], dict[str, str]]:
    """The tree in the grammar, and the id of each path in it. Groups without rows are left out."""
    paths: dict[str, str] = {}
    where = _json(builder.root, "where", known, without, paths)
    return {"version": 1, "zone": builder.zone, "where": where}, paths


def _json(node: Node, path: str, known: Catalogue, without: frozenset[str], paths: dict[str, str]) -> dict[str, Any]:
    inside = f"{path}.not" if node.is_negated else path
    paths[inside] = node.id
    if isinstance(node, Rule):
        said_so = conditions.as_json(node, known)
    else:
        kept = [kid for kid in node.kids if _has_rows(kid, without)]
        said_so = {
            node.conj: [_json(kid, f"{inside}.{node.conj}[{n}]", known, without, paths) for n, kid in enumerate(kept)]
        }
    return {"not": said_so} if node.is_negated else said_so


def _has_rows(node: Node, without: frozenset[str]) -> bool:
    if isinstance(node, Rule):
        return node.id not in without
    return any(_has_rows(kid, without) for kid in node.kids)


def _by_row(issues: tuple[Issue, ...], paths: dict[str, str]) -> tuple[Problems, tuple[str, ...]]:
    """Issues by the row and the input they belong to; what belongs to no row is general."""
    problems: Problems = {}
    general = []
    for issue in issues:
        path = max((p for p in paths if f"{issue.field}.".startswith((f"{p}.", f"{p}["))), key=len, default="")
        node_id = paths.get(path, "")
        if not node_id.startswith("r"):
            general.append(said(issue))
            continue
        rest = issue.field.removeprefix(path).lstrip(".").partition("[")[0]
        problems.setdefault(node_id, {}).setdefault(_PART.get(rest, rest), []).append(said(issue))
    return problems, tuple(general)


def _is_unfinished(rule: Rule, problems: dict[str, list[str]] | None) -> bool:
    """True if every input that is complained about still has an empty place."""
    if problems is None:
        return False
    return all(
        any(not value.strip() for value in rule.values.get(part, [""])) or not rule.values.get(part)
        for part in problems
    )


def refusal(error: Invalid, paths: dict[str, str], judged: Judged) -> Judged:
    """Why a segment was not saved: what the save said, and every other mistake of its rows, so that none comes later."""
    about_name = tuple(said(issue) for issue in error.details if issue.field == "name")
    others = [issue for issue in error.details if issue.field != "name"]
    inside = tuple(replace(issue, field=issue.field.removeprefix("definition.")) for issue in others)
    problems, general = _by_row(inside, paths)
    return replace(judged, problems=judged.problems | problems, general=general, names=about_name)
