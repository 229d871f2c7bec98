"""What is done at each kind of step, for everybody who stands there at once. A new kind is a file here and its line in ACTS."""

from collections.abc import Mapping

from app.domain.flows.acts import choosing, contacts, goals, onward, sending, telling, waiting
from app.domain.flows.batch import Act
from app.domain.flows.definition import Step
from app.domain.flows.engine import REACHED
from app.domain.flows.steps import Exit

ACTS: Mapping[str, Act] = {
    "send_sms": sending.send,
    "send_email": sending.send,
    "update_contact": contacts.update,
    "tag": contacts.tag,
    "webhook": onward.call,
    "wait": waiting.wait,
    "wait_until": waiting.wait_until,
    "wait_for": waiting.wait_for,
    "split": choosing.split,
    "ab_split": choosing.draw,
    "goal": goals.reach,
    "exit": onward.leave,
    "go_to": onward.go_to,
    "notify": telling.notify,
    "review": telling.ask,
}


def reason_of(step: Step, port: str) -> str | None:
    """Why a run that ends behind a step has ended; None where the way simply ends."""
    if isinstance(step.config, Exit):
        return step.config.reason
    return "goal" if port == REACHED else None
