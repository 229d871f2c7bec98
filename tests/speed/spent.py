"""Processor time of a process and of everything it started, whether it lives or is gone."""

import os
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def seconds(*roots: int) -> float:
    """Seconds of a processor that these processes and all below them have used until now."""
    parents, used = {}, {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        parents[pid := int(place.parent.name)] = int(words[1])
        used[pid] = sum(map(int, words[11:15]))  # its own, and that of its children that are gone
    return sum(ticks for pid, ticks in used.items() if _is_below(pid, parents, roots)) / TICK


def _is_below(pid: int, parents: dict[int, int], roots: tuple[int, ...]) -> bool:
    while pid and pid not in roots:
        pid = parents.get(pid, 0)
    return pid in roots
