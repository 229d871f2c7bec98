"""Tell colleagues, and ask them: one mail to each of a role for everybody who comes at once."""

from collections.abc import Iterable, Sequence

from app.core import i18n
from app.core.errors import mark
from app.domain.access import users
from app.domain.flows import engine
from app.domain.flows.batch import Batch, Outcome, Pass, Rest, Run
from app.domain.flows.drafts import SUBJECT
from app.domain.flows.engine import NEXT, REJECTED, Node
from app.domain.flows.steps import Notify, Review
from app.domain.notices.post import post

_SUBJECT = mark("Flow “%(name)s”")
_CAME = mark("People who came to this step of the flow “%(name)s” just now: %(number)s.")
REVIEW = "review"  # what is waited for at a review


def notify(batch: Batch, node: Node, runs: Sequence[Run]) -> Iterable[tuple[Run, Outcome]]:
    """Send what is said to the role."""
    config = node.step.config
    assert isinstance(config, Notify)
    _tell(batch, config.role, config.text, len(runs))
    return [(run, Pass(NEXT)) for run in runs]


def ask(batch: Batch, node: Node, runs: Sequence[Run]) -> Iterable[tuple[Run, Outcome]]:
    """Ask the role, and wait for its answer (people.py)."""
    config = node.step.config
    assert isinstance(config, Review)
    _tell(batch, config.role, config.question, len(runs))
    for run in runs:
        yield run, Rest(engine.due(node.step, batch.now, batch.facts(run)), REJECTED, REVIEW)


def _tell(batch: Batch, role: str | None, text: str | None, number: int) -> None:
    values: dict[str, object] = {"name": batch.flow_name, "number": number}
    for user in users.with_role(batch.session, role or ""):
        locale = user.locale or "en"
        body = f"{text or ''}\n\n{i18n.say(_CAME, values, locale)}"
        post(
            batch.session, user.email, i18n.say(_SUBJECT, values, locale), body, source=(SUBJECT, batch.course.flow_id)
        )
