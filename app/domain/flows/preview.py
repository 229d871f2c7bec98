"""The texts a flow sends, as people will get them: for whoever decides about it."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.domain.content.models import Template, TemplateVersion
from app.domain.content.render import with_links
from app.domain.flows.pinned import Pinned


@dataclass(frozen=True)
class Text:
    """One step's text: the version that is pinned, by language."""

    step: str
    channel: str
    template: Template
    version: TemplateVersion
    message_class: str

    def letter(self, language: str) -> str:
        """The plain part of an e-mail as it was written, with the addresses its links lead to."""
        compiled = self.version.compiled.get(language)
        return with_links(compiled) if compiled else ""


def texts(session: Session, pinned: Pinned, *, by: Actor) -> list[Text]:
    """The pinned texts, each once for each step that sends it."""
    require(by, "flows:read")
    return [
        Text(
            step,
            one.channel,
            session.get_one(Template, one.template_id),
            session.get_one(TemplateVersion, one.version_id),
            one.message_class,
        )
        for step, one in pinned.texts.items()
    ]
