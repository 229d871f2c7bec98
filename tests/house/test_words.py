"""What is written for the next reader can be followed by him: no numbers of requirements in docstrings and comments."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

import pytest

from ops.launcher.problem import ROOT

ROOMS = ("app", "jobs", "ops", "sandbox", "migrations", "tests")
NUMBERED = re.compile(r"\(\s*[A-M]\d{1,2}\s*(?:[,;)]|to |and )|\brequirement [A-M]\d", re.IGNORECASE)


def said(source: str) -> Iterator[str]:
    """The docstrings and the comments of a file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


@pytest.mark.parametrize("room", ROOMS)
def test_no_number_of_a_requirement_is_in_the_words_of_the_code(room: str) -> None:
    found = {
        str(path.relative_to(ROOT)): text
        for path in sorted((ROOT / room).rglob("*.py"))
        for text in said(path.read_text(encoding="utf-8"))
        if NUMBERED.search(text)
    }
    assert found == {}


@pytest.mark.parametrize(
    "pattern", ["templates/**/*.html", "static/js/*.js", "static/css/*.css", "*.md", "docs/**/*.md"]
)
def test_nor_in_those_of_pages_scripts_and_papers(pattern: str) -> None:
    assert [str(path) for path in ROOT.glob(pattern) if NUMBERED.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("Imports (A3).", True), ("(C1, C2)", True), ("a cell (B12) of it", True), ("in 3 (of 5)", False)],
)
def test_what_counts_as_one(text: str, is_one: bool) -> None:
    assert bool(NUMBERED.search(text)) is is_one


def test_files_are_named_by_examples_that_are_there() -> None:
    """The papers for those who build on lead somewhere."""
    papers = [ROOT / "CONTRIBUTING.md", ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    named = {
        (paper.name, path)
        for paper in papers
        for path in re.findall(r"`((?:app|jobs|tests|ops|migrations|templates)/[\w/.]+)`", paper.read_text())
    }
    missing = [(paper, path) for paper, path in sorted(named) if not (ROOT / path).exists()]
    links = [(paper, link) for paper in papers for link in re.findall(r"\]\(([\w/.-]+\.md)\)", paper.read_text())]
    assert missing + [(paper.name, link) for paper, link in links if not (paper.parent / link).exists()] == []
