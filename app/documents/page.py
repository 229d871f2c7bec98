"""HTML of documents and mails: Jinja without Flask, escaped, in the reader's language."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.core import i18n
from app.documents import table

FOLDER = Path(__file__).resolve().parents[2] / "templates"


def render(template: str, *, locale: str, **values: object) -> str:
    """Render `documents/...` or `mail/...` in a language.

    The template has `_` and `ngettext`, `language` and `direction`, and the filters number, percent, money, day and
    moment of that language; a value it names and was not given is an error, not a blank.
    """
    return _environment(i18n.language(locale)).get_template(template).render(**values)


@cache
def _environment(language: str) -> Environment:
    """One environment a language: the catalogue is bound to it."""
    pages = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    install: Callable[..., None] = pages.install_gettext_translations  # type: ignore[attr-defined]  # by the extension
    install(i18n.translator(language), newstyle=True)
    pages.globals |= {"language": language, "direction": i18n.direction(language)}
    for name in ("number", "percent", "money", "day", "moment"):
        pages.filters[name] = partial(_said, getattr(i18n, name), language)
    pages.filters["spell"] = lambda value, column, zone="UTC": table.spell(value, column, language, zone)
    return pages


def _said(spell: Callable[..., str], language: str, value: object, *rest: object) -> Markup | str:
    """A value spelt in a language, kept together in mixed text; a dash for none."""
    if value is None:
        return "–"
    before, after = (rest[:1], rest[1:]) if spell is i18n.money else ((), rest)
    return Markup("<bdi>{}</bdi>").format(spell(value, *before, language, *after))
