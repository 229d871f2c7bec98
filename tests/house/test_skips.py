"""A skipped test fails the run in CI, and nowhere else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops.launcher.problem import ROOT

WAYS = {
    "itself": "def test_it():\n    pytest.skip('no pencil')\n",
    "mark": "@pytest.mark.skip(reason='no pencil')\ndef test_it():\n    pass\n",
    "condition": "@pytest.mark.skipif(True, reason='no pencil')\ndef test_it():\n    pass\n",
    "fixture": "@pytest.fixture\ndef pencil():\n    pytest.skip('no pencil')\n\ndef test_it(pencil):\n    pass\n",
    "file": "pytest.skip('no pencil', allow_module_level=True)\n",
    "import": "pytest.importorskip('pencil', reason='no pencil')\n",
}
EXPECTED = "@pytest.mark.xfail(reason='known')\ndef test_it():\n    assert False\n"


def run(folder: Path, source: str, ci: str) -> tuple[int, str]:
    (folder / "test_one.py").write_text(f"import pytest\n\n{source}")
    env = {name: value for name, value in os.environ.items() if name != "CI"} | ({"CI": ci} if ci else {})
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.noskips",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        str(folder),
    ]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize("way", WAYS)
def test_a_skip_fails_in_ci(tmp_path: Path, way: str) -> None:
    status, said = run(tmp_path, WAYS[way], "true")
    assert status in (1, 2), said
    assert "no pencil - in CI every test has to run" in said


def test_at_home_a_skip_is_a_skip_and_a_failure_that_is_expected_stays_one(tmp_path: Path) -> None:
    assert run(tmp_path, WAYS["itself"], "")[0] == 0
    assert run(tmp_path, EXPECTED, "true")[0] == 0


def test_the_run_of_ci_says_so() -> None:
    assert "export CI=true" in (ROOT / ".ci/run").read_text()
