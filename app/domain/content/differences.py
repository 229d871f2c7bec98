"""Two versions of a text side by side, line by line."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest


@dataclass(frozen=True)
class Row:
    """One line of both; `kind` is same, changed, gone or new. A side that has no such line is None."""

    kind: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Difference:
    """One part of the text in one language; `rows` near the changes, a number stands for unchanged lines left out."""

    language: str
    part: str
    rows: list[Row | int]


def between(old: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]) -> list[Difference]:
    """Every part that differs between the texts of two versions."""
    found = []
    for language in sorted({*old, *new}):
        for part in ("subject", "preheader", "body"):
            both = rows(old.get(language, {}), new.get(language, {}), part)
            if any(row.kind != "same" for row in both):
                found.append(Difference(language, part, folded(both)))
    return found


def rows(old: Mapping[str, str], new: Mapping[str, str], part: str) -> list[Row]:
    """One part (subject, preheader, body) of two versions; every line of both is there once."""
    before, after = (str(said.get(part) or "").splitlines() for said in (old, new))
    found: list[Row] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        if tag == "equal":
            found += [Row("same", line, line) for line in before[a:b]]
            continue
        for left, right in zip_longest(before[a:b], after[c:d]):
            found.append(Row("new" if left is None else "gone" if right is None else "changed", left, right))
    return found


def folded(found: list[Row], around: int = 3) -> list[Row | int]:
    """The rows near a change; a number stands for so many unchanged lines left out."""
    near = {i + j for i, row in enumerate(found) if row.kind != "same" for j in range(-around, around + 1)}
    out: list[Row | int] = []
    for i, row in enumerate(found):
        if i in near:
            out.append(row)
        elif out and isinstance(out[-1], int):
            out[-1] += 1
        else:
            out.append(1)
    return out
