"""Templates, styles and vendored files: nothing inline, one root a part, typed buttons, logical styles, hashes."""

import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
# What customers and printers get is not a page of ours: mail needs inline styles, documents have their own sheet.
PAGES = [p for p in sorted(TEMPLATES.rglob("*.html")) if p.relative_to(TEMPLATES).parts[0] not in ("documents", "mail")]
PARTS = [p for p in PAGES if p.name.startswith("_")]
VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
PHYSICAL = re.compile(
    r"(?<![\w-])(?:(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)(?:-\w+)?|left|right)\s*:"
    r"|(?:text-align|float|clear)\s*:\s*(?:left|right)"
)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def bare(path: Path) -> str:
    """The template without Jinja: what is left is HTML."""
    return JINJA.sub(lambda found: "\n" * found.group().count("\n"), path.read_text())


class Roots(HTMLParser):
    """Collects the elements that have no parent."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0
        self.roots: list[dict[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.depth == 0:
            self.roots.append(dict(attrs))
        self.depth += tag not in VOID

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.depth == 0:
            self.roots.append(dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag not in VOID

    def handle_data(self, data: str) -> None:
        if self.depth == 0:
            self.text += data.strip()


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_nothing_is_inline(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle\s*=", text), "a style attribute: the policy blocks it"
    assert not re.search(r"<style\b", text), "a style element: the policy blocks it"
    assert not re.search(r"<script(?![^>]*\ssrc=)[^>]*>", text), "an inline script: the policy blocks it"
    assert not re.search(r"[\s'\"](?:on[a-z]+|hx-on[:a-z-]*)\s*=", text), "an inline handler: the policy blocks it"
    assert not re.search(r"""hx-vals=['"]js:|javascript:""", text), "a script in an attribute"
    assert not re.search(r'hx-trigger="[^"{]*\[', text), "a trigger filter: with allowEval off it is always true"


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_button_has_a_type(path: Path) -> None:
    untyped = [tag for tag in re.findall(r"<button\b[^>]*", path.read_text()) if "type=" not in tag]
    assert untyped == []


@pytest.mark.parametrize("path", PARTS, ids=name)
def test_a_part_has_one_root_with_an_id(path: Path) -> None:
    text = path.read_text()
    calls = re.findall(r"^\{\{-?\s*(?:ui|shell)\.(?:palette|bell|revealed|masked)\(", text, re.MULTILINE)
    parser = Roots()
    parser.feed(bare(path))
    if calls and not parser.roots:
        assert len(calls) == 1, "one macro that draws one root"
        return
    assert not parser.text, f"text outside the root: {parser.text[:60]!r}"
    heads = re.findall(r"<[a-z][^>]*\bid=", text)
    assert len(parser.roots) == 1 or _branches(text), f"{len(parser.roots)} roots"
    assert heads, "the root has no id"
    assert all("id" in root for root in parser.roots), "the root has no id"


def _branches(text: str) -> bool:
    """Two roots are one root if the template chooses between them at its top."""
    return bool(re.search(r"^\{%-?\s*(?:else|elif)\b", text, re.MULTILINE))


@pytest.mark.parametrize("path", sorted((STATIC / "css").rglob("*.css")), ids=name)
def test_styles_are_logical_and_short(path: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    assert PHYSICAL.findall(text) == []
    assert len(path.read_text().splitlines()) < 600
    assert text.count("{") == text.count("}")


def test_vendored_files_are_what_they_say() -> None:
    known = json.loads((STATIC / "vendor" / "VENDOR.json").read_text())
    for entry in known:
        content = (STATIC / "vendor" / entry["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"], entry["file"]
        assert b"sourceMappingURL" not in content, entry["file"]
    notes = {"VENDOR.json", "README.md", "LICENSES.txt"}
    present = {p.name for p in (STATIC / "vendor").iterdir() if p.suffix != ".gz"}
    assert present == {entry["file"] for entry in known} | notes


def test_versions_are_exact_and_the_same_everywhere() -> None:
    wanted = json.loads((ROOT / "ops" / "vendor" / "package.json").read_text())["dependencies"]
    entries = json.loads((STATIC / "vendor" / "VENDOR.json").read_text())
    known = {entry["package"]: entry["version"] for entry in entries}
    assert known == wanted
    assert known["htmx.org"] == "2.0.11"


def test_every_icon_named_is_in_the_sprite() -> None:
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "vendor" / "icons.svg").read_text()))
    listed = set((ROOT / "ops" / "vendor" / "icons.txt").read_text().split())
    assert drawn == listed
    named = set()
    for path in PAGES:
        named |= set(re.findall(r"\bicon\(\s*'([a-z0-9-]+)'", path.read_text()))
    navigation = (ROOT / "app" / "web" / "navigation.py").read_text()
    named |= set(re.findall(r'Entry\(mark\("[^"]+"\), "([a-z0-9-]+)"', navigation))
    assert named <= drawn, named - drawn


def test_every_macro_called_exists() -> None:
    given = set()
    for names in re.findall(r"\{% set ([^=%]+) =", (TEMPLATES / "ui" / "all.html").read_text()):
        given |= {part.strip() for part in names.split(",")}
    called = {name(path): set(re.findall(r"\bui\.([a-z_]+)\(", path.read_text())) for path in PAGES}
    assert {path: names - given for path, names in called.items() if names - given} == {}


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_what_is_written_in_a_language_has_a_direction_of_its_own(path: Path) -> None:
    """A subject, a body, a note: in a page of the other direction its full stop would stand at the wrong end."""
    spoken = re.findall(r"""<(?!bdi|label|html|button)\w+[^<]*?\blang="\{\{.*?\}\}"[^<]*?>""", path.read_text())
    wrong = [tag for tag in spoken if "dir=" not in tag and 'class="letter"' not in tag]
    assert wrong == []
    assert not re.search(
        r"<(?!bdi)(?:strong|p|pre|td|h\d)(?![^>]*\bdir=)[^>]*>\{\{ (?:\w+\.)?(?:subject|body|note) \}\}",
        path.read_text(),
    )


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_field_one_types_in_asks_once(path: Path) -> None:
    """A change is told when the field is left, too: by then the next page may be on its way, and the first one comes after it."""
    for trigger in re.findall(r'class="[^"]*\bfilters"[^>]*hx-trigger="([^"]*\binput changed[^"]*)"', path.read_text()):
        assert not re.search(r"\bchange\b(?! from:\{)", trigger), "a bare change beside a field one types in"


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_tokens_are_masked_and_secrets_told_once(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\b\w+\.csrf_token\b|hidden_tag", text), "draws the token as it is: ui.csrf_field() masks it"
    for output in re.findall(r'<output class="secret"[^>]*>(.*?)</output>', text):
        assert "|told_once" in output, "a secret in an answer that is compressed"


def test_every_piece_is_used_by_a_page() -> None:
    """A macro or a script that only its own test calls is not kept."""
    pages = "".join(path.read_text() for path in PAGES)
    pieces = [
        (path, piece)
        for path in (TEMPLATES / "ui").glob("*.html")
        for piece in re.findall(r"macro (\w+)\(", path.read_text())
    ]
    called = [(path, piece) for path, piece in pieces if re.search(rf"(?<!macro )\b(?:\w+\.)?{piece}\(", pages)]
    assert [piece for _, piece in pieces if (_, piece) not in called] == []
    scripts = "".join(path.read_text() for path in (STATIC / "js").glob("*.js")) + pages
    assert [path.name for path in (STATIC / "js").glob("*.js") if path.name not in scripts] == []


def test_every_class_of_a_style_is_worn_by_something() -> None:
    """A class that is put together of two parts, such as state-good or s2, counts by its first."""
    worn = "".join(path.read_text() for path in [*PAGES, *(STATIC / "js").glob("*.js"), *(ROOT / "app").rglob("*.py")])
    worn += "".join(
        (STATIC / "vendor" / name_).read_text() for name_ in ("tom-select.complete.min.js", "tabler.min.css")
    )
    worn += "sortable-ghost htmx-request"
    left = []
    for path in (STATIC / "css").glob("*.css"):
        rules = re.sub(r"/\*.*?\*/|url\([^)]*\)", "", path.read_text(), flags=re.DOTALL)
        for called in re.findall(r"\.([a-z][\w-]*)", " ".join(re.findall(r"([^{}]+)\{", rules))):
            first = re.sub(r"(?<=-)[a-z0-9]+$|\d+$", "", called)
            built = first != called and re.search(rf"(?<![\w-]){first}(?:['\"%{{]|\s)", worn)
            if not built and not re.search(rf"(?<![\w-]){called}(?![\w-])", worn):
                left.append(f"{path.name}: .{called}")
    assert sorted(set(left)) == []
