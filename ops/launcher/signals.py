"""Ctrl-C, SIGTERM and a closed terminal: the first asks to stop, in order; the next one, to hurry."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopAsked(BaseException):
    """Raised where the launcher is when somebody asks it to stop; not an error, so nothing catches it by accident."""


class Asked:
    """What was asked so far."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.stopping = False
        self.count = 0

    def again(self) -> bool:
        """Whether somebody asked once more while everything was stopping."""
        return self.count > 1

    def hear(self, _number: int, _frame: FrameType | None) -> None:
        """Take a signal."""
        self.count += 1
        if not self.stopping:
            self.stopping = True
            raise StopAsked


@contextlib.contextmanager
def stop_on_signals() -> Iterator[Asked]:
    """Turn the signals into StopAsked for a while."""
    asked = Asked()
    # nohup has SIGHUP ignored and means it; a shell that ignores SIGINT for what runs behind it does not
    heard = [n for n in ASKING if n is not signal.SIGHUP or signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, asked.hear) for number in heard}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
