"""What the law asks of an advertisement, looked for in a text: that it says it is one, whose it is, and how to refuse more.

Israel's Communications Law, section 30A ("the spam law"). A mark counts if everybody gets it, whatever conditions the text has.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from liquid.ast import BlockNode, ConditionalBlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.case_tag import CaseNode, MultiExpressionBlockNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode

from app.domain.content.budget import Template
from app.domain.content.reading import dotted
from app.domain.content.sandbox import children, parse

WORDS = {"en": "Advertisement", "he": "פרסומת"}
MARKING = frozenset({"marketing"})  # the classes that are marked
_BLOCKS = (BlockNode, ConditionalBlockNode, MultiExpressionBlockNode)


@dataclass(frozen=True)
class Marks:
    """Which of them one text has."""

    word: bool
    name: bool
    refusal: bool


def marks(
    channel: str, language: str, said: Mapping[str, Any], compiled: Mapping[str, Any], organisation: str
) -> Marks:
    """The marks of a text in one language; `organisation` is the advertiser's name. Raises TemplateError."""
    read = parse(str(said.get("body") or "") if channel == "sms" else str(compiled.get("text") or ""))
    subject = parse(str(said.get("subject") or ""))
    word = re.compile(rf"\b{WORDS[language]}\b", re.IGNORECASE)

    def says_word(text: str) -> bool:
        return word.search(text) is not None

    return Marks(
        word=_always(read, says_word) or _always(subject, says_word),
        name=_always(read, lambda text: organisation.casefold() in text.casefold(), "organisation.name"),
        refusal=_always(read, lambda _text: False, "unsubscribe_url"),
    )


def _always(made: Template, says: Callable[[str], bool], prints: str = "") -> bool:
    """True if everybody gets it: a fixed text for which `says` holds, or the variable `prints` as it is."""

    def found(node: Node) -> bool:
        if isinstance(node, ContentNode):
            return says(node.text)
        if isinstance(node, OutputNode):
            return bool(prints) and _prints(node) == prints
        if isinstance(node, IfNode | UnlessNode):
            return node.default is not None and all(found(branch) for branch in children(node, made))
        if isinstance(node, CaseNode):
            has_else = any(isinstance(branch, BlockNode) for branch in node.blocks)
            return has_else and all(found(branch) for branch in children(node, made))
        return isinstance(node, _BLOCKS) and somewhere(children(node, made))

    def somewhere(nodes: Iterable[Node]) -> bool:
        return any(found(node) for node in nodes)

    return somewhere(made.nodes)


def _prints(node: OutputNode) -> str:
    expression = node.expression
    if not isinstance(expression, FilteredExpression) or not isinstance(expression.left, Path) or expression.filters:
        return ""
    return dotted(expression.left.path)
