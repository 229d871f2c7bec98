"""python3 manage.py bench [NAME ...]: each row beside its floor, in the same run, on servers that write to disk like real ones."""

import importlib
import sys

from app.core.process import settle
from app.domain import nouns as _gathered  # noqa: F401 - every noun declares itself
from tests.servers.throwaway import servers
from tests.speed.row import HEAD

MODULES = {
    "import": "tests.speed.import_",
    "segment-count": "tests.speed.segment_count",
    "create-messages": "tests.speed.create_messages",
    "send-sms": "tests.speed.send_sms",
    "page": "tests.speed.page",
    "segment-live": "tests.speed.segment_live",
    "qualify": "tests.speed.qualify",
    "month": "tests.speed.month",
    "track": "tests.speed.track",
    "flow-step": "tests.speed.flow_step",
    "storm": "tests.speed.storm",
}


def main(names: list[str]) -> int:
    """Run the benchmarks named, or all; 0 when every target is met."""
    unknown = set(names) - set(MODULES)
    if unknown:
        print(f"There is no benchmark called {', '.join(sorted(unknown))}. There are: {', '.join(MODULES)}.")
        return 2
    print(HEAD, flush=True)
    settle()  # as web and workers do
    missed = 0
    for name in names or MODULES:
        with servers(durable=True) as ours:
            for row in importlib.import_module(MODULES[name]).measure(ours):
                print(row, flush=True)
                missed += not row.ok
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
