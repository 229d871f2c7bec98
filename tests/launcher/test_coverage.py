"""The gate: the domain as a whole, and every single file."""

import os
from pathlib import Path
from typing import Any

import pytest

from ops.launcher.coverage import FILE, covered, judged, too_little
from ops.launcher.options import parse
from ops.launcher.problem import ROOT, Problem, run


def file(lines: int, run: int) -> dict[str, Any]:
    return {
        "summary": {
            "num_statements": lines,
            "covered_lines": run,
            "percent_covered": 100 * run / lines if lines else 100.0,
        }
    }


def test_the_domain_counts_by_its_lines_and_not_by_its_files() -> None:
    domain, low = judged(
        {"app/domain/a.py": file(10, 8), "app/domain/b.py": file(90, 90), "app/web/c.py": file(100, 70)}
    )
    assert (domain, low) == (98, {})


def test_a_file_below_the_least_is_named() -> None:
    _, low = judged({"app/domain/a.py": file(1000, 1000), "jobs/b.py": file(100, 69), "app/core/c.py": file(0, 0)})
    assert low == {"jobs/b.py": 69}


def test_a_domain_of_which_nothing_was_seen_is_too_little() -> None:
    assert judged({"jobs/b.py": file(1, 1)})[0] == 0


def test_what_a_process_of_a_test_runs_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Little is run by this one test, and the gate says so: but what its child has run is seen."""
    (tmp_path / "test_one.py").write_text(
        "import subprocess, sys\n\ndef test_it():\n"
        "    subprocess.run([sys.executable, '-c', 'import app.core.text'], check=True)\n"
    )
    env = dict(os.environ)
    with covered(env) as command:
        assert run([*command, "-p", "no:cacheprovider", "-c", os.devnull, tmp_path], env=env).returncode == 0
        assert too_little(env)
        said = run([*command[:3], "report", "--include", "app/core/text.py"], env=env).stdout
    assert "app/core/text.py" in said
    assert "0%" not in said.split()
    assert "of the domain is run by a test (90 at least)" in capsys.readouterr().out
    assert not Path(env[FILE]).parent.exists()


def test_where_nothing_was_measured_the_gate_says_so(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="could not be counted"):
        too_little({**os.environ, FILE: str(tmp_path / "data")})


def test_ci_measures_and_a_word_asks_for_it() -> None:
    assert parse(["test", "--coverage", "--fast"]).coverage
    assert not parse(["test", "--fast"]).coverage
    assert "manage.py test --coverage" in (ROOT / ".ci/run").read_text()
