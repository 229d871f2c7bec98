"""The way of a person in a flow is told in words: no code of ours stands in it, in neither language."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from app.core import clock
from app.core.errors import Phrase
from app.domain.consent import restrictions
from app.domain.flows import calls, log, walking
from app.domain.flows.acts import sending
from app.domain.flows.models import FlowLog, FlowRun
from app.domain.messages import capping, create_messages, policy
from app.domain.messages.words import REASON
from app.gateways.http import AnswerTimeout
from tests.factories import people
from tests.factories.flows import enter, flow, step
from tests.web.flows import Flows, flows, words

__all__ = ["flows"]
CODE = re.compile(r"\b[a-z]+_[a-z_]+\b|\b(?:HTTP \d|[A-Z][a-z]+(?:[A-Z][a-z]+)+)")


def skip_reasons() -> set[str]:
    """Why there can be no message, read out of the code that decides it."""
    said = "".join(Path(module.__file__ or "").read_text() for module in (policy, create_messages))
    named = {sending.LATE, "gone", capping.CAPPED, restrictions.RESTRICTED, restrictions.STALE}
    return named | set(re.findall(r'literal\("([a-z_]+)"\)', said)) - {"skipped", "queued", "granted"}


def noted(flows: Flows, lines: list[tuple[str, dict[str, Any]]]) -> str:
    """The address of somebody to whom all this has happened."""
    with flows.bank.unit() as session:
        made = flow(session, step("wait", "wait", days=1), name="Told")
        enter(session, made, people.contacts(session, 1, start=900))
        run = session.execute(select(FlowRun).where(FlowRun.flow_id == made.id)).scalar_one()
        run.failure = "Something"
        for n, (kind, why) in enumerate(lines, start=1):
            session.add(FlowLog(
                organisation_id=run.organisation_id, at=clock.now() + timedelta(seconds=n), flow_id=made.id, version_id=run.version_id,
                run_id=run.id, contact_id=run.contact_id, step="wait", kind=kind, port="next" if kind == "passed" else None, why=why,
            ))  # fmt: skip
        return f"/flows/{made.id}/people/{run.id}"


def failure(phrase: Phrase) -> dict[str, Any]:
    return {"reason": str(phrase), "message": phrase.message, "values": phrase.values}


def test_every_reason_has_words() -> None:
    assert skip_reasons() - REASON.keys() == set()
    assert {"no_consent", "duplicate_address", "late", "frequency_cap"} <= skip_reasons()


@pytest.mark.parametrize("language", ["en", "he"])
def test_no_code_is_shown_whatever_happened(flows: Flows, language: str) -> None:
    broke = (
        calls.broken(AnswerTimeout(), "crm.example", 10),
        Phrase(calls._REFUSES, {"status": 500}),
        Phrase(calls._GONE),
        Phrase(walking._REFUSED),
    )
    lines = [("passed", {"skipped": reason}) for reason in sorted({*REASON, *skip_reasons(), "of_tomorrow"})]
    lines += [(kind, failure(one)) for one in broke for kind in ("retried", "failed")]
    lines += [("left", {"reason": reason}) for reason in (*log.LEFT, "of_tomorrow")]
    lines += [("entered", {"type": kind, "did": "clicked"}) for kind in (*log.BEGAN, "of_tomorrow")]
    url, browser = noted(flows, lines), flows.maya()
    browser.client.set_cookie("carillon_locale", language)
    shown = browser.get(url).get_data(as_text=True)
    main = words(
        type("Answer", (), {"get_data": lambda _self, as_text: shown[shown.index("<main") : shown.index("</main")]})()
    )
    assert CODE.findall(main) == []
    assert ("No consent" in main) == (language == "en")
    if language == "he":
        assert not re.search(r"[A-Za-z]{4,} [a-z]{3,} [a-z]{3,}", main.replace("Told", "")), main
    assert UUID(url.split("/")[-1])
