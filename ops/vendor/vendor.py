"""Rebuild static/vendor, the icon sprite and the browser tests' axe from the exact versions of package.json.

Run `python3 ops/vendor/vendor.py`. It needs npm and a registry; nobody else does, because the result is committed.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = ROOT / "static" / "vendor"
AXE = ROOT / "tests" / "browser"

FILES = {
    "tabler.min.css": ("@tabler/core", "dist/css/tabler.min.css"),
    "tabler.rtl.min.css": ("@tabler/core", "dist/css/tabler.rtl.min.css"),
    "bootstrap.bundle.min.js": ("bootstrap", "dist/js/bootstrap.bundle.min.js"),
    "htmx.min.js": ("htmx.org", "dist/htmx.min.js"),
    "idiomorph.min.js": ("idiomorph", "dist/idiomorph.min.js"),
    "sortable.min.js": ("sortablejs", "Sortable.min.js"),
    "tom-select.complete.min.js": ("tom-select", "dist/js/tom-select.complete.min.js"),
    "tom-select.bootstrap5.min.css": ("tom-select", "dist/css/tom-select.bootstrap5.min.css"),
    "heebo-latin.woff2": ("@fontsource-variable/heebo", "files/heebo-latin-wght-normal.woff2"),
    "heebo-hebrew.woff2": ("@fontsource-variable/heebo", "files/heebo-hebrew-wght-normal.woff2"),
}
LICENCES = {
    "@fontsource-variable/heebo": "OFL-1.1",
    "@tabler/core": "MIT",
    "@tabler/icons": "MIT",
    "axe-core": "MPL-2.0",
    "bootstrap": "MIT",
    "htmx.org": "0BSD",
    "idiomorph": "0BSD",
    "sortablejs": "MIT",
    "tom-select": "Apache-2.0",
}
SOURCE_MAP = re.compile(rb"\s*(?://[#@] sourceMappingURL=\S+|/\*[#@] sourceMappingURL=.*?\*/)\s*")
DRAWING = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
BACKGROUND = '<path stroke="none" d="M0 0h24v24H0z" fill="none"/>'


def install(folder: Path) -> Path:
    """Install the locked packages into `folder` without running their scripts; their node_modules."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder / name)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return folder / "node_modules"


def version(modules: Path, package: str) -> str:
    """The version that is really installed."""
    return str(json.loads((modules / package / "package.json").read_text())["version"])


def sprite(modules: Path) -> bytes:
    """One SVG with a symbol for every name in icons.txt."""
    symbols = []
    for name in (HERE / "icons.txt").read_text().split():
        text = (modules / "@tabler/icons/icons/outline" / f"{name}.svg").read_text()
        found = DRAWING.search(text)
        if not found:
            raise SystemExit(f"{name}.svg has no drawing")
        body = re.sub(r"\s*/>", "/>", re.sub(r">\s+<", "><", found.group(1).strip())).replace(BACKGROUND, "")
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>')
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" fill="none" stroke="currentColor" stroke-width="2" '
        'stroke-linecap="round" stroke-linejoin="round">'
    )
    return (head + "\n" + "\n".join(symbols) + "\n</svg>\n").encode()


def entry(modules: Path, name: str, package: str, content: bytes) -> dict[str, str]:
    """What VENDOR.json says of one file."""
    return {
        "file": name,
        "package": package,
        "version": version(modules, package),
        "licence": LICENCES[package],
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def licence_text(modules: Path, package: str) -> str:
    """The licence as the package ships it, or only its name where it ships none."""
    for found in sorted((modules / package).glob("LICEN[SC]E*")):
        return found.read_text().strip()
    return f"{LICENCES[package]} (the package ships no licence file)"


def rebuild(modules: Path) -> None:
    """Write the vendored files, the sprite, VENDOR.json, LICENSES.txt and axe."""
    TARGET.mkdir(parents=True, exist_ok=True)
    entries = []
    for name, (package, path) in FILES.items():
        content = (modules / package / path).read_bytes()
        if not name.endswith(".woff2"):
            content = SOURCE_MAP.sub(b"\n", content)
        (TARGET / name).write_bytes(content)
        entries.append(entry(modules, name, package, content))
    drawn = sprite(modules)
    (TARGET / "icons.svg").write_bytes(drawn)
    entries.append(entry(modules, "icons.svg", "@tabler/icons", drawn))
    (TARGET / "VENDOR.json").write_text(json.dumps(entries, indent=2) + "\n")
    packages = sorted({str(e["package"]) for e in entries})
    texts = [f"==== {p} {version(modules, p)} ====\n\n{licence_text(modules, p)}\n" for p in packages]
    (TARGET / "LICENSES.txt").write_text("\n".join(texts))
    axe = SOURCE_MAP.sub(b"\n", (modules / "axe-core/axe.min.js").read_bytes())
    (AXE / "axe.min.js").write_bytes(axe)
    (AXE / "axe.json").write_text(json.dumps(entry(modules, "axe.min.js", "axe-core", axe), indent=2) + "\n")


def main() -> None:
    """Install and rebuild, or rebuild from a node_modules that is already there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", type=Path, help="a node_modules folder to take instead of installing one")
    given = parser.parse_args().modules
    if given:
        rebuild(given)
        return
    with tempfile.TemporaryDirectory() as folder:
        rebuild(install(Path(folder)))


if __name__ == "__main__":
    main()
