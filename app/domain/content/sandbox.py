"""Liquid that can neither reach the program nor hang it: few tags, bounded filters, bounded loops."""

import re
from collections.abc import Iterator
from functools import cache

from liquid import BoundTemplate, Environment, RenderContext
from liquid.ast import Node
from liquid.builtin.expressions import LoopExpression
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.tags.for_tag import ForNode
from liquid.exceptions import LiquidError, LiquidSyntaxError, LoopIterationLimitError
from liquid.expression import Expression

from app.core.errors import Invalid, Phrase, mark
from app.domain.content import filters, wording
from app.domain.content.budget import OverBudget, Template

LONGEST_TEXT = 400_000
LONGEST_LOOPS = 8_000  # characters of loops in one text; each is gone through MOST_TURNS times at most
LONGEST_TAG = 2_000
MOST_TAGS = 4_000
MOST_TURNS = 100
_OPENS = re.compile(r"\{[{%]")
_RAW = re.compile(r"\{%[-\s]*(raw|doc)\b")
_BLOCK = re.compile(r"\{%[-\s]*(end)?(?:if|unless|case|for|capture|comment)\b")
_TAGS = frozenset(
    {"content", "output", "illegal", "if", "unless", "case", "for", "break", "continue"}
    | {"assign", "capture", "cycle", "comment", "#"}
)


class TemplateError(Invalid):
    """A text that does not parse or cannot be rendered; names the line and the reason."""


class TooSlow(TemplateError):
    """A text that takes so long for one person that a million of them would never end."""

    def __init__(self) -> None:
        super().__init__(mark("This text takes too long to make for each person. Use fewer loops and filters."))


class _Sandbox(Environment):
    """Loops and depth have limits; what a rendering costs has a budget (budget.py)."""

    template_class = Template
    loop_iteration_limit = MOST_TURNS
    context_depth_limit = 12
    block_nesting_limit = 12
    local_namespace_limit = 100_000


@cache
def _environment(language: str, *, autoescape: bool) -> Environment:
    made = _Sandbox(strict_filters=True, autoescape=autoescape)
    made.tags = {name: tag for name, tag in made.tags.items() if name in _TAGS}
    made.filters = filters.of_language(language)
    return made


def parse(source: str, *, language: str = "en", html: bool = False) -> Template:
    """Compile a text; `html` escapes what is put into it. Raises TemplateError with the line and the reason."""
    if len(source) > LONGEST_TEXT:
        raise TemplateError(mark("The text is longer than %(most)s characters."), most=LONGEST_TEXT)
    _scan(source)
    try:
        made = _environment(language, autoescape=html).from_string(source)
        _bound(made)
    except LiquidError as broke:
        raise error_of(broke, source) from None
    except RecursionError:
        raise TemplateError(mark("The text is nested too deeply.")) from None
    assert isinstance(made, Template)
    return made


def _scan(source: str) -> None:
    """Refuse what the library's lexer would go over again and again: unclosed and nested tags, raw. Raises TemplateError."""
    if raw := _RAW.search(source):
        raise _at(source, raw.start(), Phrase(mark("there is no tag “%(name)s”"), {"name": raw.group(1)}))
    place = number = 0
    while opening := _OPENS.search(source, place):
        place, number = opening.start(), number + 1
        closer = "}}" if opening.group() == "{{" else "%}"
        end = source.find(closer, place + 2, place + LONGEST_TAG)
        if end < 0 or _OPENS.search(source, place + 2, end):
            signs: dict[str, object] = {"opening": opening.group(), "closing": closer}
            raise _at(source, place, Phrase(mark("“%(opening)s” is not closed by “%(closing)s”"), signs))
        if number > MOST_TAGS:
            raise _at(source, place, Phrase(mark("there are too many tags")))
        place = end + 2


def _at(source: str, place: int, reason: Phrase) -> TemplateError:
    line = source.count("\n", 0, place) + 1
    return TemplateError(mark("Line %(line)s: %(reason)s."), line=line, reason=reason)


def error_of(broke: LiquidError, source: str = "") -> TemplateError:
    """A Liquid error in our words: the line, if it is known, and the reason."""
    if isinstance(broke, OverBudget):
        return TooSlow()
    reason = wording.of_liquid(str(broke.args[0] if broke.args else type(broke).__name__).strip().rstrip("."))
    line = line_of(broke) or _unclosed(source)
    if line is None:
        return TemplateError(mark("The text cannot be rendered: %(reason)s."), reason=reason)
    return TemplateError(mark("Line %(line)s: %(reason)s."), line=line, reason=reason)


def _unclosed(source: str) -> int | None:
    """The line of the tag that is never closed: the library only says that the text ended."""
    open_: list[re.Match[str]] = []
    for found in _BLOCK.finditer(source):
        if not found.group(1):
            open_.append(found)
        elif open_:
            open_.pop()
    return source.count("\n", 0, open_[-1].start()) + 1 if open_ else None


def line_of(broke: LiquidError) -> int | None:
    """The line an error belongs to, counted from 1."""
    if broke.token is None or broke.token.start_index < 0:
        return None
    return broke.token.source.count("\n", 0, broke.token.start_index) + 1


def children(node: Node, made: BoundTemplate) -> Iterator[Node]:
    """The nodes right below a node."""
    yield from node.children(RenderContext(made), include_partials=False)


def _bound(made: BoundTemplate) -> None:
    """Refuse what would take too long, and give every range in a loop an end. Raises LiquidSyntaxError."""
    looped = 0
    stack: list[tuple[Node, bool]] = [(node, False) for node in made.nodes]
    while stack:
        node, in_loop = stack.pop()
        if isinstance(node, ForNode) and not in_loop:
            looped += len(str(node))
            if looped > LONGEST_LOOPS:
                raise LiquidSyntaxError("the loops are too long", token=node.token)
        for expression in node.expressions():
            _bound_ranges(expression)
        stack += [(child, in_loop or isinstance(node, ForNode)) for child in children(node, made)]


class _ShortRange(RangeLiteral):
    """A range that is checked before it is gone through: `reversed` would first write it out in memory."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> range:
        made = super().evaluate(context)
        if made.stop - made.start > MOST_TURNS:
            raise LoopIterationLimitError(f"a loop goes round {MOST_TURNS} times at most", token=self.token)
        return made


def _bound_ranges(expression: Expression) -> None:
    if isinstance(expression, RangeLiteral):
        # Outside a loop a range is of no use, and `contains` would search it number by number.
        raise LiquidSyntaxError("a range stands in a loop only", token=expression.token)
    below = list(expression.children())
    if isinstance(expression, LoopExpression) and isinstance(expression.iterable, RangeLiteral):
        wide = expression.iterable
        expression.iterable = _ShortRange(wide.token, wide.start, wide.stop)
        below = [wide.start, wide.stop, *below[1:]]
    for child in below:
        _bound_ranges(child)
