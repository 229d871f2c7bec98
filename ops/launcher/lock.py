"""python3 manage.py lock: what is installed, to the last dependency and with its hashes, out of the lists that people read."""

from ops.launcher import environment
from ops.launcher.options import Options
from ops.launcher.problem import Problem, run, say

LISTS = {"requirements.txt": environment.RUNTIME, "requirements-dev.txt": environment.DEVELOPMENT}
# For every system and Python the product runs on; nothing of this machine's own settings gets into the files.
WORDS = ("--universal", "--python-version", "3.11", "--generate-hashes", "--no-config", "--no-header", "--quiet")


def lock(_options: Options) -> int:
    """Write both lock files; versions stay what they are unless a list says otherwise.

    Raises:
        Problem: the lists contradict each other, or there is no network.
    """
    environment.ensure(development=True)
    for name, locked in LISTS.items():
        done = run([environment.VENV / "bin" / "uv", "pip", "compile", *WORDS, name, "--output-file", locked])
        if done.returncode:
            raise Problem(f"{locked} could not be made of {name}: {environment.sentence(done.stdout)}")
        say(f"{locked} is made of {name}.")
    return 0
