"""What axe has against a page: a script of 600 kB, read once, and put into a page that does not have it yet."""

import json
from pathlib import Path

from playwright.sync_api import Page, expect

SCRIPT = (Path(__file__).parent / "axe.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Only what is wrong is described node by node and brought here: to describe what is well takes most of the time.
ASKED = json.dumps({"runOnly": TAGS, "resultTypes": ["violations"]})
RUN = f"axe.run(document, {ASKED}).then(found => found.violations)"


def complaints(page: Page) -> list[str]:
    """What it has against the page, with all that the page has asked for, one line a rule."""
    expect(page.locator(".htmx-request")).to_have_count(0)
    if not page.evaluate("'axe' in window"):
        page.evaluate(SCRIPT)
    return [f"{v['id']}: {v['help']} {[node['html'][:160] for node in v['nodes'][:4]]}" for v in page.evaluate(RUN)]
