"""python3 manage.py bench: the speed measurements of tests/speed, on servers of their own."""

import os

from ops.launcher import environment, system
from ops.launcher.foreground import foreground
from ops.launcher.options import Options
from ops.launcher.problem import ROOT, Problem, say


def bench(options: Options) -> int:
    """Measure the named rows, or all.

    Raises:
        Problem: there is nothing to measure, or the servers do not start.
    """
    if not (ROOT / "tests" / "speed").is_dir():
        raise Problem("There are no speed measurements in this checkout (tests/speed): get the whole repository")
    environment.ensure(development=True)
    system.ensure_libraries()
    from tests.servers.throwaway import VARIABLE, servers

    say("Starting servers to measure on ...")
    with servers(durable=True) as ours:
        env = {**os.environ, **ours.env(), VARIABLE: ours.describe()}
        return foreground([environment.PYTHON, "-m", "tests.speed", *options.rest], env)
