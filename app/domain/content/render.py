"""Rendering for customers: Liquid in a sandbox that cannot reach the program, compiled once per version (C2)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from liquid import BoundTemplate, Environment
from liquid.exceptions import LiquidError

from app.core.errors import Invalid, mark
from app.domain.content.models import TemplateVersion

# Marks of tracked links and of the pixel in compiled HTML and text, exchanged per recipient.
LINK = re.compile("\x02([co])(\\d+)\x03")
LinkMaker = Callable[[str, int], str]


class TemplateError(Invalid):
    """A text that does not parse or cannot be rendered; names the line and the reason."""


class _Sandbox(Environment):
    """Loops, output and depth have limits: a text can neither hang a worker nor fill its memory."""

    loop_iteration_limit = 2_000
    output_stream_limit = 400_000
    context_depth_limit = 10
    local_namespace_limit = 100_000


def _environment(*, autoescape: bool) -> Environment:
    made = _Sandbox(strict_filters=True, autoescape=autoescape)
    for tag in ("include", "render"):  # there is nothing to load
        made.tags.pop(tag, None)
    made.filters.pop("safe", None)  # would switch escaping off
    return made


_PLAIN = _environment(autoescape=False)
_HTML = _environment(autoescape=True)


@dataclass(frozen=True)
class Email:
    """An e-mail for one recipient."""

    subject: str
    html: str
    text: str
    preheader: str = ""


def parse(source: str, *, html: bool = False) -> BoundTemplate:
    """Compile a text. Raises TemplateError with the line and the reason."""
    try:
        return (_HTML if html else _PLAIN).from_string(source)
    except LiquidError as broke:
        raise _error(broke, source) from None
    except RecursionError:
        raise TemplateError(mark("The text is nested too deeply.")) from None


def _error(broke: LiquidError, source: str) -> TemplateError:
    line = 1
    if broke.token is not None:
        line = source.count("\n", 0, getattr(broke.token, "start_index", 0)) + 1
    reason = str(broke.args[0]) if broke.args else type(broke).__name__
    return TemplateError(
        mark("Line %(line)s: %(reason)s."), line=line, reason=reason.strip().rstrip(".").replace("%", "%%")
    )


def variables(source: str) -> set[str]:
    """The dotted paths a text reads from outside. Raises TemplateError."""
    return set(parse(source).global_variable_paths())


def without_default(source: str) -> set[str]:
    """Paths that are printed without a `default` filter: they show as nothing where the contact has no value."""
    found = set()
    for inner in re.findall(r"\{\{-?(.*?)-?\}\}", source, re.DOTALL):
        path, *filters = [part.strip() for part in inner.split("|")]
        if not any(f.startswith("default") for f in filters) and re.fullmatch(r"[\w.]+", path):
            found.add(path)
    return found


def filled(template: BoundTemplate, data: Mapping[str, Any]) -> str:
    """Render a compiled text. Raises TemplateError."""
    try:
        return template.render(**data)
    except LiquidError as broke:
        raise _error(broke, "") from None
    except (RecursionError, OverflowError, MemoryError, TypeError, ValueError) as broke:
        raise TemplateError(mark("The text cannot be rendered: %(reason)s."), reason=type(broke).__name__) from None


@dataclass(frozen=True)
class _Texts:
    subject: BoundTemplate
    body: BoundTemplate
    plain: BoundTemplate | None = None


class Prepared:
    """A version's texts, compiled; made once a process."""

    def __init__(self, version: TemplateVersion, channel: str) -> None:
        self.fallback = version.fallback_language
        self._texts: dict[str, _Texts] = {}
        for language, said in version.texts.items():
            if not str(said.get("body", "")).strip():
                continue
            subject = parse(str(said.get("subject", "")))
            if channel == "sms":
                self._texts[language] = _Texts(subject, parse(said["body"]))
            else:
                made = version.compiled[language]
                self._texts[language] = _Texts(subject, parse(made["html"], html=True), parse(made["text"]))

    def language_for(self, wanted: str | None) -> str:
        """The language this contact gets: his own if there is a text in it, else the fallback."""
        return wanted if wanted in self._texts else self.fallback  # type: ignore[return-value]

    def sms(self, language: str, data: Mapping[str, Any]) -> str:
        """The SMS for one recipient. Raises TemplateError."""
        return filled(self._texts[language].body, data).strip()

    def email(self, language: str, data: Mapping[str, Any], link: LinkMaker) -> Email:
        """The e-mail for one recipient, its links and pixel made by `link(kind, number)`. Raises TemplateError."""
        texts = self._texts[language]
        assert texts.plain is not None
        everything = {**data, "unsubscribe_url": link("u", 0)}

        def made(found: re.Match[str]) -> str:
            return link(found.group(1), int(found.group(2)))

        subject = " ".join(filled(texts.subject, everything).split())
        html = LINK.sub(made, filled(texts.body, everything))
        return Email(subject, html, LINK.sub(made, filled(texts.plain, everything)))


@lru_cache(maxsize=64)
def _kept(_version_id: UUID, version: "_ById", channel: str) -> Prepared:
    return Prepared(version.version, channel)


@dataclass(frozen=True)
class _ById:
    """A version as a cache key: versions never change, so the id is enough."""

    id: UUID
    version: TemplateVersion

    def __hash__(self) -> int:
        return hash(self.id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and self.id == other.id


def prepared(version: TemplateVersion, channel: str) -> Prepared:
    """The version's compiled texts, from the process's cache. Raises TemplateError."""
    return _kept(version.id, _ById(version.id, version), channel)
