"""What must come from the system's packages: Pango for PDFs, fonts with Hebrew, Chromium for tests."""

import contextlib
import ctypes
import os
import shutil
from pathlib import Path

from ops.launcher.problem import Problem, last_line, run, say

PANGO = {
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",
}
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")
FONTS_WITH_HEBREW = ("DejaVuSans.ttf", "NotoSansHebrew*", "FreeSans.*", "FrankRuehl*", "Rubik*", "Heebo*", "Arial.ttf")
FONT_PACKAGE = "fonts-dejavu-core"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def ensure_libraries() -> str | None:
    """Install what PDFs need, or give the sentence that names the command; None when all is there."""
    missing = missing_packages()
    if not missing:
        return None
    if may_install():
        apt_install(missing)
        missing = missing_packages()
    if not missing:
        return None
    return f"PDFs cannot be made until somebody runs, as root: {apt_command(missing)}"


def missing_packages() -> list[str]:
    """The packages whose library does not load or whose font is not there."""
    packages = [package for library, package in PANGO.items() if not loads(library)]
    return packages if has_hebrew_font() else [*packages, FONT_PACKAGE]


def loads(library: str) -> bool:
    """Whether the loader finds a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def has_hebrew_font() -> bool:
    """Whether a font with Hebrew letters lies in one of the usual folders."""
    for folder in FONT_FOLDERS:
        with contextlib.suppress(OSError):  # a home that is not ours may not be looked into
            if any(any(Path(folder).expanduser().rglob(name)) for name in FONTS_WITH_HEBREW):
                return True
    return False


def ensure_browser() -> str:
    """The path of a Chromium for tests; installed when there is none and we may.

    Raises:
        Problem: there is none and it cannot be installed from here.
    """
    found = find_browser()
    if found is None and may_install():
        apt_install(["chromium", FONT_PACKAGE])
        found = find_browser()
    if found is None:
        raise Problem(f"The browser tests need Chromium. Run, as root: {apt_command(['chromium'])}")
    return found


def find_browser() -> str | None:
    """The path of the Chromium that CARILLON_CHROMIUM names or that is installed."""
    named = os.environ.get("CARILLON_CHROMIUM")
    if named:
        return named
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


def may_install() -> bool:
    """Whether packages can be installed without asking anybody."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_command(packages: list[str]) -> str:
    """The command a person types."""
    if shutil.which("apt-get"):
        return "apt-get update && apt-get install --no-install-recommends " + " ".join(packages)
    return "your system's package manager, for what Debian calls " + " ".join(packages)


def apt_install(packages: list[str]) -> None:
    """Install Debian packages without a question.

    Raises:
        Problem: apt could not.
    """
    say(f"Installing {', '.join(packages)} with apt-get ...")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    # a lock held by another apt (unattended upgrades) is waited for, not failed on
    apt = ["apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=120"]
    run([*apt, "update"], env=env, timeout=300)
    done = run([*apt, "install", "--no-install-recommends", *packages], env=env, timeout=900)
    if done.returncode:
        said = [line for line in done.stdout.splitlines() if line.startswith("E:")]
        raise Problem(
            f"apt-get could not install {', '.join(packages)}: {said[-1][3:] if said else last_line(done.stdout)} "
            f"Mend that, or install by hand: {apt_command(packages)}"
        )
