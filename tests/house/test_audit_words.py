"""Every act that is kept has words: the audit log shows no code to its reader."""

import ast
import re
from collections.abc import Iterator

import pytest

from app.web import audit_labels
from tests.house.test_templates import ROOT

# Acts whose name is put together where they are kept.
MADE = {f"import.{state}" for state in ("completed", "failed", "cancelled")} | {
    f"message.resolved_{way}" for way in ("sent", "again")
}


def kept() -> Iterator[str]:
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) in ("trail.record", "record")
                and len(node.args) > 2
            ):
                said = (str(one.value) for one in ast.walk(node.args[2]) if isinstance(one, ast.Constant))
                yield from (one for one in said if re.fullmatch(r"[a-z]+\.[a-z_]*[a-z]", one))


@pytest.mark.parametrize("action", sorted({*kept(), *MADE}))
def test_an_act_has_words(action: str) -> None:
    assert action in audit_labels.actions()
