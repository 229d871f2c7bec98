"""The bad rows of an import: how they are kept, counted and given back as a file that can be imported again."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from app.core import i18n
from app.core.actor import Actor, require
from app.documents.csv import harmless
from app.domain.access.keyring import vault_of
from app.domain.audit import trail
from app.domain.transfer.blocks import Problem
from app.domain.transfer.mapping import OURS, added
from app.domain.transfer.models import Import, ImportProblem


def keep(session: Session, import_id: UUID, problems: Iterable[Problem]) -> None:
    """Keep problems, the rows sealed."""
    vault = vault_of(session)
    rows = [
        {
            "organisation_id": vault.organisation_id,
            "import_id": import_id,
            "row": problem.row,
            "column": problem.column,
            "reason": problem.reason,
            "is_warning": problem.is_warning,
            "sealed": vault.seal(
                json.dumps(problem.fields, ensure_ascii=False).encode(), f"import_problems|{import_id}|{problem.row}"
            ),
        }
        for problem in problems
    ]
    session.execute(insert(ImportProblem), rows)


def download(session: Session, row: Import, *, by: Actor) -> bytes:
    """The rows as CSV: number, column and reason, then the row as it was. Every download is audited. Raises Forbidden."""
    require(by, "imports:write")
    vault = vault_of(session)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    place = added(row.columns)
    writer.writerow([*(i18n.say(h, {}, by.locale) for h in OURS), *map(harmless, row.columns[place:])])
    query = select(ImportProblem).where(ImportProblem.import_id == row.id).order_by(ImportProblem.row)
    for problem in session.execute(query.execution_options(yield_per=1000)).scalars():
        fields = json.loads(vault.open(problem.sealed, f"import_problems|{row.id}|{problem.row}"))
        said = i18n.say(problem.reason, {}, by.locale)
        writer.writerow([problem.row, harmless(problem.column), said, *map(harmless, fields[place:])])
    after = {"rows": row.failed, "warnings": row.warned}
    trail.record(session, by, "import.errors_downloaded", ("import", row.id), after=after)
    return out.getvalue().encode("utf-8-sig")


def reasons(session: Session, row: Import) -> Mapping[tuple[str, str], int]:
    """How many rows are bad or kept with a gap for each (column, reason), the most frequent first."""
    number = func.count().label("number")
    query = (
        select(ImportProblem.column, ImportProblem.reason, number)
        .where(ImportProblem.import_id == row.id)
        .group_by(ImportProblem.column, ImportProblem.reason)
        .order_by(number.desc())
        .limit(20)
    )
    return {(column, reason): count for column, reason, count in session.execute(query)}
