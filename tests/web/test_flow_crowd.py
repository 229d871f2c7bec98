"""A rehearsal with everybody: the draft is drawn with its numbers, part after part, or at once for who has no script."""

import re

import pytest

from app.domain.flows import rehearsal
from tests.web.flows import Flows, flows, words

__all__ = ["flows"]
HAIFA = {"where": {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}}


def drawn(flows: Flows) -> str:
    split = {"id": "s1", "type": "split", "branches": [
        {"key": "haifa", "label": "In Haifa", "when": HAIFA, "lane": [
            {"id": "s2", "type": "send_sms", "config": {"template_id": str(flows.template)}}]},
        {"key": "else", "lane": []}]}  # fmt: skip
    definition = {"trigger": {"type": "api"}, "lane": [split, {"id": "s3", "type": "wait", "config": {"days": 1}}]}
    return f"/flows/{flows.made('Two ways', definition)}/rehearsal/everybody"


def test_without_script_everything_is_counted_at_once(flows: Flows) -> None:
    maya, url = flows.maya(), drawn(flows)
    assert "Everybody" in words(maya.get(url.removesuffix("/everybody")))
    page = maya.get(url)
    assert "Count everybody" in words(page)
    assert "Of all contacts as they are today." in words(page)
    shown = words(maya.get(f"{url}?whole=1"))
    assert "3 of 3 steps counted" in shown
    people = re.search(r"People: (\d+)", shown)
    assert people
    assert re.search(r"In Haifa .*?0 · 0\.?0*% of who comes here", shown)
    assert re.search(rf" {people[1]} 100\.?0*% of all", shown)


def test_part_after_part_fills_the_places(flows: Flows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "monotonic", iter(range(0, 1000, 10)).__next__)
    maya, url, asked, filled = flows.maya(), drawn(flows), "", list[str]()
    page = maya.get(url).get_data(as_text=True)
    places = set(re.findall(r'id="(share-[^"]+)"', page))
    while found := re.search(r'hx-get="([^"]+first=\d+)"', page):
        asked = found[1]
        page = maya.get(asked, htmx=True).get_data(as_text=True)
        filled += re.findall(r'id="(share-[^"]+)" hx-swap-oob', page)
    assert asked.endswith("first=2")
    assert "3 of 3 steps counted" in words(maya.get(asked, htmx=True))
    assert set(filled) == places - {"share-trigger"}
    assert maya.get(f"{url}?first=999", htmx=True).status_code == 200
    assert maya.get(f"{url}?first=x", htmx=True).status_code == 200


def test_a_draft_that_cannot_run_says_so(flows: Flows) -> None:
    flow_id = flows.made("Not ready", {"trigger": {"type": "api"}, "lane": [{"id": "s1", "type": "wait"}]})
    shown = words(flows.maya().get(f"/flows/{flow_id}/rehearsal/everybody", htmx=True))
    assert "set up first what is marked" in shown
    begins = words(flows.maya().get(f"{flows.url}/rehearsal/everybody"))
    assert "Of everybody who is in “Haifa” today." in begins
