"""Walk a batch of runs from where they stand until each waits, has ended or has failed: all in the caller's transaction.

Every step is done for all who stand at it at once. A step that breaks is undone by itself; who stands there is tried again later.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlalchemy.exc import DataError, IntegrityError, InternalError, ProgrammingError

from app.core.errors import DomainError, Phrase, mark
from app.core.unit import savepoint
from app.domain.flows import acts
from app.domain.flows.batch import Batch, Fail, Leave, Outcome, Pass, Run
from app.domain.flows.engine import Node
from app.domain.segments import compiler

log = logging.getLogger(__name__)
_REFUSED = mark("What this step would write cannot be kept.")
PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
)  # after which a step that failed is tried again
_BROKEN = (DataError, IntegrityError, InternalError, ProgrammingError)  # about what is said, not about the connection


def walk(batch: Batch, step: str, runs: Sequence[Run]) -> None:
    """Walk runs that are due at a step, and write down what came of it."""
    standing = {step: _admitted(batch, step, runs)}
    while standing:
        step = min(standing, key=lambda one: batch.course.graph.nodes[one].number)
        node, here = batch.course.graph.nodes[step], standing.pop(step)
        for run, outcome in _outcomes(batch, node, here):
            place = settle(batch, node, run, outcome)
            if place is not None:
                standing.setdefault(place, []).append(run)
    batch.write()


def _admitted(batch: Batch, step: str, runs: Sequence[Run]) -> list[Run]:
    """Who goes on: not those who are gone, who are in the segment that ends it, or for whom it is too late."""
    rules = batch.course.chart.rules
    inside = _inside(batch, runs) if rules.exit_segment_id else frozenset()
    latest, stay = batch.now - timedelta(hours=rules.late_hours), []
    for run in runs:
        is_late = run.due < latest
        reason = (
            "gone" if run.is_gone else "segment" if run.contact_id in inside
            else "late" if is_late and rules.late == "leave" else None
        )  # fmt: skip
        if reason:
            settle(batch, batch.course.graph.nodes[step], run, Leave(reason))
            continue
        run.is_late = is_late and rules.late == "skip"
        stay.append(run)
    return stay


def _inside(batch: Batch, runs: Sequence[Run]) -> frozenset[object]:
    """Whose of the runs are in the segment that ends the flow."""
    segment_id = batch.course.chart.rules.exit_segment_id
    assert segment_id is not None
    found = compiler.holding(batch.around.segment(segment_id), [run.contact_id for run in runs])
    return frozenset(batch.session.execute(found).scalars())


def _outcomes(batch: Batch, node: Node, runs: Sequence[Run]) -> Iterable[tuple[Run, Outcome]]:
    """What becomes of everybody at a step: those with a port leave by it, the step is done for the others."""
    leaving = [(run, Pass(run.port, run.why)) for run in runs if run.port is not None]
    for run, _ in leaving:
        run.port = run.why = None
    left = {run for run, _ in leaving}
    acting = [run for run in runs if run not in left]
    return [*leaving, *_acted(batch, node, acting)] if acting else leaving


def _acted(batch: Batch, node: Node, runs: Sequence[Run]) -> Iterable[tuple[Run, Outcome]]:
    """Do the step. What the database refuses about one run is tried by halves, so that it fails alone."""
    try:
        with savepoint(batch.session):
            return list(acts.ACTS[node.step.type](batch, node, runs))
    except DomainError as broke:
        return [(run, failed(batch, run, Phrase(broke.message, broke.values))) for run in runs]
    except _BROKEN as broke:
        if len(runs) == 1:
            log.warning(
                "a step was refused by the database", extra={"kind": type(broke.orig).__name__, "run": runs[0].id}
            )
            return [(runs[0], failed(batch, runs[0], Phrase(_REFUSED)))]
        half = len(runs) // 2
        return [*_acted(batch, node, runs[:half]), *_acted(batch, node, runs[half:])]


def failed(batch: Batch, run: Run, reason: Phrase, waits_for: str | None = None) -> Fail:
    """A try more, later; after the last one none."""
    return Fail(reason, batch.now + PAUSES[run.attempts] if run.attempts < len(PAUSES) else None, waits_for)


def settle(batch: Batch, node: Node, run: Run, outcome: Outcome) -> str | None:
    """Note what became of a run at a step; where it goes on now, if it does."""
    step = node.step.id
    match outcome:
        case Pass(port, why, converts):
            if converts and not run.has_converted:
                run.has_converted = True
                batch.note(run, "converted", step, why=why)
            batch.note(run, "passed", step, port=port, why=why)
            run.attempts, run.came, place = 0, True, node.ways.get(port)
            if place is None:
                batch.note(run, "finished", None)
                batch.end(run, "finished", acts.reason_of(node.step, port))
            return place
        case Leave(reason, why):
            batch.note(run, "left", step, why={"reason": reason, **(why or {})})
            batch.end(run, "left", reason)
        case Fail(reason, again):
            said = {
                "reason": str(reason),
                "message": reason.message,
                "values": reason.values,
                "attempt": run.attempts + 1,
            }
            batch.note(run, "retried" if again else "failed", step, why=said)
            batch.stay(run, step, outcome)
        case rest:
            batch.note(run, "arrived", step, why={"until": rest.until.isoformat(), "for": rest.waits_for})
            batch.stay(run, step, rest)
    return None
