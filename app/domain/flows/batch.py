"""A batch of runs on the way through a version: who they are, what became of each, and what is written down of it at its end."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from app.core.errors import Phrase
from app.core.sql import load
from app.core.unit import actor_of
from app.core.vault import OrganisationVault
from app.domain.access.keyring import organisation_of, vault_of
from app.domain.calendar.windows import Windows, windows_of
from app.domain.flows.course import Course
from app.domain.flows.engine import Facts, Node
from app.domain.segments.context import CompileContext

_SQL = load("flows/queries.sql")
Why = Mapping[str, Any] | None


@dataclass(eq=False, slots=True)
class Run:
    """One run while it is walked; `due` is when it was to be taken up, `is_late` that this is too long ago."""

    id: UUID
    contact_id: UUID
    visit_id: UUID
    due: datetime
    entered_at: datetime
    zone: str
    key: str = ""
    port: str | None = None
    why: Why = None
    attempts: int = 0
    has_converted: bool = False
    is_gone: bool = False
    is_late: bool = False
    came: bool = False  # to where he stands, in this batch: his visit is still that of a step before


def run_of(row: RowMapping) -> Run:
    """A claimed row."""
    return Run(
        row["id"], row["contact_id"], row["visit_id"], row["due_at"], row["entered_at"], row["zone"], row["key"], row["port"],
        row["why"], row["attempts"], row["converted_at"] is not None, row["is_gone"],
    )  # fmt: skip


# --- what can become of a run at a step


@dataclass(frozen=True, slots=True)
class Pass:
    """It goes on by a port."""

    port: str
    why: Why = None
    converts: bool = False


@dataclass(frozen=True, slots=True)
class Rest:
    """It stays until a moment, then it leaves by `port` (without one the step is done), or when what it waits for comes."""

    until: datetime
    port: str | None
    waits_for: str | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """It leaves the flow."""

    reason: str
    why: Why = None


@dataclass(frozen=True, slots=True)
class Fail:
    """The step could not be done: again at a moment, or not any more."""

    reason: Phrase
    again: datetime | None
    waits_for: str | None = None


Outcome = Pass | Rest | Leave | Fail
Act = Callable[["Batch", Node, Sequence[Run]], Iterable[tuple[Run, Outcome]]]


@dataclass
class Batch:
    """The setting of a batch, and its pages: every row of the log and every new place is written at its end, by the set."""

    session: Session
    course: Course
    now: datetime
    flow_name: str = ""
    _log: list[dict[str, Any]] = field(default_factory=list)
    _places: list[dict[str, Any]] = field(default_factory=list)
    _converted: list[tuple[UUID, datetime]] = field(default_factory=list)

    @cached_property
    def zone(self) -> str:
        return organisation_of(self.session).timezone

    @cached_property
    def windows(self) -> Windows:
        return windows_of(self.session)

    @cached_property
    def vault(self) -> OrganisationVault:
        return vault_of(self.session)

    @cached_property
    def around(self) -> CompileContext:
        return self.course.around(self.session)

    def facts(self, run: Run, day: date | None = None) -> Facts:
        """What the times of a run depend on."""
        return Facts(run.zone, self.zone, lambda one: self.windows.of_day(one) is not None, day)

    def begin_visits(self, runs: Sequence[Run]) -> None:
        """Let the visit of a step begin for who has just come there; whoever is tried again goes on with his."""
        new = [run for run in runs if run.came]
        made = self.session.execute(_NEW_VISITS, {"number": len(new)}).scalars()
        for run, visit in zip(new, made, strict=True):
            run.visit_id, run.came = visit, False

    def note(self, run: Run, kind: str, step: str | None, *, port: str | None = None, why: Why = None) -> None:
        """A row for the log."""
        row = {"run": run.id, "contact": run.contact_id, "visit": run.visit_id, "step": step, "kind": kind}
        self._log.append(row | {"port": port, "why": why})

    def passes(self, step: str) -> Counter[UUID]:
        """How often each run has left a step in this batch."""
        return Counter(row["run"] for row in self._log if row["step"] == step and row["kind"] == "passed")

    def texts(self, steps: Collection[str]) -> dict[UUID, str | None]:
        """Whose runs have left one of these steps in this batch, and why there is no message of it; None where there is one."""
        found: dict[UUID, str | None] = {}
        for row in self._log:
            if row["step"] in steps and row["kind"] == "passed" and found.get(row["run"], "") is not None:
                found[row["run"]] = (row["why"] or {}).get("skipped")
        return found

    def stay(self, run: Run, step: str, what: Rest | Fail) -> None:
        """It rests, waits to be tried again, or has failed for good."""
        if isinstance(what, Rest):
            self._place(run, "active", step, due=what.until, port=what.port, waits_for=what.waits_for, arrived=self.now)
        elif what.again:
            tried = {"attempts": run.attempts + 1, "failure": str(what.reason), "waits_for": what.waits_for}
            self._place(run, "active", step, due=what.again, **tried)
        else:
            self._place(run, "failed", step, attempts=run.attempts, failure=str(what.reason))

    def send_on(self, run: Run, step: str, port: str, why: Why) -> None:
        """It is taken up at once, and leaves a step by a port."""
        self._place(run, "active", step, due=self.now, port=port, why=why)

    def take_up(self, run: Run, step: str, *, is_new: bool = False) -> None:
        """A step is done for it at once; `is_new` where it has just been put there."""
        self._place(run, "active", step, due=self.now, visit=None if is_new else run.visit_id)

    def end(self, run: Run, state: str, reason: str | None) -> None:
        """It has ended."""
        self._place(run, state, None, reason=reason)

    def _place(self, run: Run, state: str, step: str | None, **more: Any) -> None:
        converted = self.now if run.has_converted else None
        row = {"id": run.id, "visit": run.visit_id, "state": state, "step": step, "attempts": 0, "converted": converted}
        self._places.append(row | more)

    def convert(self, run: Run, at: datetime) -> None:
        """It has done what the flow is for, whatever becomes of it."""
        self._converted.append((run.id, at))

    def write(self) -> None:
        """Write everything down."""
        if self._converted:
            ids, moments = map(list, zip(*self._converted, strict=True))
            self.session.execute(_SQL["convert"], {"ids": ids, "moments": moments})
        if self._places:
            ids = [row["id"] for row in self._places]
            self.session.execute(_SQL["move"], {"now": self.now, "ids": ids, "rows": _json(self._places)})
        if self._log:
            organisation_id, course = actor_of(self.session).organisation_id, self.course
            whose = {"organisation": organisation_id, "flow": course.flow_id, "version": course.version_id}
            self.session.execute(_SQL["note"], {**whose, "now": self.now, "rows": _json(self._log)})
        self._places, self._log, self._converted = [], [], []


_NEW_VISITS = text("SELECT uuidv7() FROM generate_series(1, :number)")


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as one value: an array a column costs several times as much."""
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"), default=str)
