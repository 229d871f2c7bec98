"""What somebody typed into an input, as a value of the grammar; what is no such value is left for the domain to refuse."""

import re
from collections.abc import Callable, Iterable
from typing import Any

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_LINE_ENDS = re.compile(r"[\n\r]+")
# A value of a list: in quotation marks where it holds a separator itself, or up to the next one. בע"מ is no quotation.
_LISTED = re.compile(r'\s*(?:"((?:[^"]|"")*)"(?=\s*(?:[,;،\t]|$))|([^,;،\t]+))\s*(?:[,;،\t]|$)')
_NEEDS_QUOTES = re.compile(r'[,;،\t]|^"')
_WITH_COMMAS = re.compile(r"[\n\r,،]+")


def number(said: str) -> int | str:
    """A whole number, or what was typed without its thousands separators: exact, and refused by the domain if it is none."""
    clean = said.strip().replace(",", "").replace("\u00a0", "")
    return int(clean) if _WHOLE.fullmatch(clean) else clean


def _pieces(said: str, between: re.Pattern[str]) -> list[str]:
    return [piece.strip() for piece in between.split(said) if piece.strip()]


def listed(said: list[str]) -> list[str]:
    """The values of a list: typed or pasted, by lines, commas, semicolons or tabs; then those that were ticked. Each once."""
    typed = [found for line in _LINE_ENDS.split(first(said)) for found in _LISTED.finditer(line)]
    values = [(found[1].replace('""', '"') if found[1] is not None else found[2]).strip() for found in typed]
    return list(dict.fromkeys(value for value in [*values, *said[1:]] if value))


def written(values: Iterable[str]) -> str:
    """Values as a list shows them, one a line, so that `listed` reads the same again."""
    return "\n".join('"' + value.replace('"', '""') + '"' if _NEEDS_QUOTES.search(value) else value for value in values)


def first(said: list[str]) -> str:
    """The only value of an input."""
    return said[0].strip() if said else ""


VALUES: dict[str, Callable[[list[str]], Any]] = {
    "none": lambda said: None,
    "text": first,
    "choice": first,
    "choices": list,
    "lines": listed,
    "words": lambda said: _pieces(first(said), _WITH_COMMAS),
    "number": lambda said: number(first(said)),
    "numbers": lambda said: [number(one) for one in said],
    "relative": lambda said: number(first(said)),
    "date": first,
    "dates": list,
    "boolean": lambda said: {"true": True, "false": False}.get(first(said), first(said)),
}
