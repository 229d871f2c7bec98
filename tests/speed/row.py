"""One line of a benchmark."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A measurement beside its floor; `ratio` is ours against it, as `target` says in words."""

    name: str
    ours: str
    floor: str
    ratio: float | None
    target: str
    ok: bool

    def __str__(self) -> str:
        ratio = "-" if self.ratio is None else f"{self.ratio:.2f}"
        return f"{self.name:<28} {self.ours:>18} {self.floor:>18} {ratio:>7}  {self.target:<34} {'ok' if self.ok else 'MISSED'}"


HEAD = f"{'name':<28} {'ours':>18} {'floor':>18} {'ratio':>7}  {'target':<34} ok"
