"""Processor time: however busy the machine is with something else."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import process_time

SLOWER = 4  # at most, while every line is noted for the coverage


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """What is done inside takes this process so many seconds of a processor at most."""
    begun = process_time()
    yield
    assert process_time() - begun < seconds * (SLOWER if sys.gettrace() else 1)
