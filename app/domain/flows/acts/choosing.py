"""Which branch: by a condition, or by chance."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal, select

from app.core.db import among
from app.domain.flows import engine
from app.domain.flows.batch import Batch, Outcome, Pass, Run
from app.domain.flows.engine import Node
from app.domain.segments import compiler
from app.domain.segments.context import contact
from app.domain.segments.definition import Definition, conditions


def split(batch: Batch, node: Node, runs: Sequence[Run]) -> Iterable[tuple[Run, Outcome]]:
    """The first branch whose condition holds; one statement a branch, for those whom none before it took."""
    left = list(runs)
    for branch in node.step.branches:
        taken = _holding(batch, branch.when, left) if branch.when else _others(batch, node, left)
        yield from ((run, Pass(branch.key, taken[run.contact_id])) for run in left if run.contact_id in taken)
        left = [run for run in left if run.contact_id not in taken]


def _holding(batch: Batch, when: Definition, runs: Sequence[Run]) -> dict[UUID, Any]:
    """For whom a condition holds, each with what the condition asked about, as it is now."""
    if not runs:
        return {}
    found = compiler.holding(compiler.within(batch.around, when), [run.contact_id for run in runs])
    return dict(batch.session.execute(found.add_columns(_asked(batch, [when]))).all())


def _others(batch: Batch, node: Node, runs: Sequence[Run]) -> dict[UUID, Any]:
    """For whom no condition held, each with what they all asked about."""
    them = [run.contact_id for run in runs]
    if not them:
        return {}
    asked = _asked(batch, [one.when for one in node.step.branches if one.when])
    return dict.fromkeys(them) | dict(
        batch.session.execute(select(contact.c.id, asked).where(among(contact.c.id, them))).all()
    )


def _asked(batch: Batch, whens: Sequence[Definition]) -> Any:
    """What definitions ask of the contact himself, by field; never an address."""
    known, asked = batch.around.known, [one for when in whens for one, _ in conditions(when)]
    fields = {name: field for one in asked if (field := known.get(name := getattr(one, "field", "")))}
    shown: list[Any] = []
    for name, field in fields.items():
        if field.source == "column":
            shown += [literal(name), contact.c[field.key]]
        elif field.source == "property":
            shown += [literal(name), contact.c.properties[field.key]]
    return func.jsonb_build_object(literal("is"), func.jsonb_build_object(*shown)) if shown else literal(None)


def draw(batch: Batch, node: Node, runs: Sequence[Run]) -> Iterable[tuple[Run, Outcome]]:
    """By a keyed hash of the person, so that he always falls into the same branch, in every version."""
    salt = f"flow:{batch.course.flow_id}:{node.step.id}"
    for run in runs:
        bucket = batch.vault.bucket(salt, run.contact_id)
        yield run, Pass(engine.drawn(node.step.branches, bucket), {"bucket": bucket})
