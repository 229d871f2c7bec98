"""What one rendering may cost: steps, signs written and time on the processor, counted while it goes on.

Steps and signs do not depend on the machine: a text that is within them once is so everywhere, and is the same text again.
The time is for what they do not see.
"""

from collections.abc import Callable
from io import StringIO
from time import thread_time
from typing import Any, TextIO

from liquid import BoundTemplate, RenderContext
from liquid.exceptions import ResourceLimitError
from liquid.token import Token

STEPS = 20_000
SIGNS = 800_000
SECONDS = 0.1
_A_FILTER = 4  # as dear as so many nodes
_SIGNS_A_STEP = 200  # that a filter reads or writes
_LOOKS = 64  # steps between two looks at the clock


class OverBudget(ResourceLimitError):
    """A text costs too much for one person."""


class Budget:
    """What is left for the texts of one message."""

    __slots__ = ("_look", "_until", "signs", "steps")

    def __init__(self, signs: int = SIGNS) -> None:
        self.steps, self.signs = STEPS, signs
        self._look, self._until = STEPS - _LOOKS, 0.0

    def spend(self, steps: int) -> None:
        """Take so many steps. Raises OverBudget when there are none left, or no time."""
        self.steps -= steps
        if self.steps < self._look:
            self._look = self.steps - _LOOKS
            now = thread_time()
            self._until = self._until or now + SECONDS
            if self.steps < 0 or now > self._until:
                raise OverBudget("it takes too long", token=None)

    def write(self, signs: int) -> None:
        """Write so many signs. Raises OverBudget when there is no room left."""
        self.signs -= signs
        if self.signs < 0:
            raise OverBudget("it is too long", token=None)


class _Paper(StringIO):
    """What a rendering writes on, also what it captures: all of it counts."""

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self._budget = budget

    def write(self, said: str) -> int:
        """Write, as long as there is room."""
        self._budget.write(len(said))
        return super().write(said)


class Metered(RenderContext):
    """A context that counts."""

    __slots__ = ("budget",)
    budget: Budget

    @property  # type: ignore[override]
    def disabled_tags(self) -> tuple[str, ...]:
        """None is; but every node asks before it is rendered, and this is where it is counted."""
        self.budget.spend(1)
        return ()

    @disabled_tags.setter
    def disabled_tags(self, _none: object) -> None:
        return

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        """The filter, counted by what goes in and what comes out."""
        plain, budget = super().filter(name, token), self.budget

        def counted(value: object, *arguments: object, **named: object) -> object:
            budget.spend(_A_FILTER + _weight(value))
            made = plain(value, *arguments, **named)
            budget.spend(_weight(made))
            return made

        return counted

    def get_buffer(self, _buffer: TextIO | None = None) -> StringIO:
        """Where a capture writes."""
        return _Paper(self.budget)


def _weight(value: object) -> int:
    if isinstance(value, str):
        return len(value) // _SIGNS_A_STEP
    return len(value) if isinstance(value, list | tuple) else 0


class Template(BoundTemplate):
    """A compiled text that is rendered within a budget."""

    def rendered(self, data: dict[str, Any], budget: Budget) -> str:
        """The text for one recipient. Raises LiquidError."""
        context = Metered(self, globals=self.make_globals(data))
        context.budget = budget
        paper = _Paper(budget)
        self.render_with_context(context, paper)
        return paper.getvalue()
