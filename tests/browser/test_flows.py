"""The flow editor in a real browser: drawn by keyboard alone from right to left, and by two people at once."""

import threading
from collections.abc import Iterator
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from werkzeug.serving import make_server

from app.core.settings import Settings
from app.domain.flows import destinations, drafts, edits, lifecycle
from app.domain.flows.destinations import DestinationInput
from app.domain.flows.drafts import FlowInput
from app.factory import create_app
from tests.browser.axe import complaints
from tests.browser.test_frame import said
from tests.browser.test_segments import Opened
from tests.conftest import NUMBER, WORKER
from tests.servers.throwaway import Servers
from tests.web.pages import House, house


@pytest.fixture(scope="module")
def bank(servers: Servers) -> House:
    name = f"flows_browser_{WORKER}"
    servers.copy(name)
    settings = Settings.from_env(servers.env(name, redis=NUMBER))
    return house(create_app(settings), settings, ("marketer", "admin"))


@pytest.fixture(scope="module")
def address(bank: House) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, bank.app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def opened(browser: Browser, bank: House, address: str) -> Opened:
    return Opened(browser, bank, address)


def empty(bank: House, name: str) -> str:
    """The address of a flow with no step yet."""
    with bank.unit("marketer") as session:
        new = FlowInput(name=name, definition={"trigger": {"type": "api"}})
        return f"/flows/{drafts.create(session, new, by=bank.staff['marketer']).id}"


@pytest.fixture(scope="module")
def running(bank: House) -> str:
    """The address of a flow that runs, with a draft that is further; and a system that waits for its approval."""
    maya = bank.staff["marketer"]
    lane = [
        {"id": "s1", "type": "tag", "config": {"add": ["new"]}},
        {"id": "s2", "type": "wait", "config": {"days": 3}},
        {"id": "s3", "type": "exit"},
    ]
    with bank.unit("marketer") as session:
        new = FlowInput(name="Welcome ברוכים", definition={"trigger": {"type": "api"}, "lane": lane})
        flow: UUID = drafts.create(session, new, by=maya).id
        lifecycle.submit(session, flow, by=maya)
        destinations.register(session, DestinationInput(name="CRM", url="https://crm.example/in"), by=maya)
    with bank.unit("admin") as session:
        lifecycle.approve(session, flow, by=bank.staff["admin"])
    with bank.unit("marketer") as session:
        lifecycle.activate(session, flow, by=maya)
        drafts.edit(session, flow, edits.Edit(op="insert", type="split", lane="root", index=2), revision=None, by=maya)
    return f"/flows/{flow}"


def add(page: Page, plus: Locator, kind: str, step: str) -> None:
    """A step from the menu of a "+", which opens in the panel."""
    plus.click()
    page.locator(f"#add-step [data-add={kind}]").click()
    expect(page.locator("#panel")).to_have_attribute("data-open", step)


def drag(page: Page, what: Locator, onto: Locator) -> None:
    """As a hand drags: down, over the lane until the step shows there, up."""
    what.hover()
    page.mouse.down()
    onto.scroll_into_view_if_needed()
    shown = onto.locator(".sortable-ghost")
    for way in range(100):
        box = onto.locator(".slot-add").first.bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 2 + way % 3, box["y"] + box["height"] / 2 + way % 3, steps=5)
        if shown.count():
            break
    expect(shown).to_be_visible()
    page.mouse.up()


def lane(page: Page, name: str) -> Locator:
    return page.locator(f"#canvas [data-lane='{name}'] > .node-li")


def test_a_flow_is_drawn_by_keyboard_alone_from_right_to_left(opened: Opened, bank: House) -> None:
    page = opened(f"{empty(bank, 'By keyboard')}/edit", language="he")
    press, focused = page.keyboard.press, page.locator(":focus")

    def added(key: str, kind: str, step: str) -> None:
        press(key)
        for _n in range(20):
            if focused.get_attribute("data-add") == kind:
                break
            press("ArrowDown")
        press("Enter")
        expect(page.locator("#panel")).to_have_attribute("data-open", step)
        expect(focused).to_have_id(f"step-{step}")

    page.locator("#step-trigger").focus()
    added("+", "send_email", "s1")
    added("+", "wait_for", "s2")
    press("ArrowDown")
    expect(focused).to_have_attribute("data-slot", "s2:happened 0")
    added("Enter", "split", "s3")
    press("ArrowLeft")  # the next branch stands to the left
    expect(focused).to_have_attribute("data-slot", "s2:timeout 0")
    added("Enter", "tag", "s4")
    press("ArrowRight")
    expect(focused).to_have_attribute("data-slot", "s2:happened 0")
    press("Control+z")
    expect(lane(page, "s2:timeout")).to_have_count(0)
    press("Control+Shift+z")
    expect(lane(page, "s2:timeout")).to_have_attribute("data-id", "s4")
    page.locator("#step-s1").focus()
    press("Alt+ArrowDown")
    expect(lane(page, "root").first).to_have_attribute("data-id", "s2")
    expect(focused).to_have_id("step-s1")
    press("Delete")
    expect(page.locator("#step-s1")).to_have_count(0)
    expect(focused).to_have_id("step-trigger")
    assert complaints(page) == []
    assert said(page) == []


def test_the_second_of_two_editors_is_told_and_gets_the_newest_canvas(opened: Opened, bank: House) -> None:
    url = f"{empty(bank, 'Two editors')}/edit"
    first, second = opened(url), opened(url)
    add(first, first.locator("[data-slot='root 0']"), "wait", "s1")
    second.locator("[data-slot='root 0']").click()
    second.locator("#add-step [data-add=tag]").click()
    expect(second.locator("#toasts")).to_contain_text("Somebody else changed this flow")
    expect(lane(second, "root")).to_have_attribute("data-id", "s1")
    add(second, second.locator("[data-slot='root 1']"), "tag", "s2")  # and goes on from there
    expect(lane(second, "root")).to_have_count(2)


@pytest.mark.parametrize(("language", "theme", "width"), [("en", "light", 1440), ("he", "dark", 390)])
def test_every_page_is_accessible_and_obeys_the_policy(
    opened: Opened, running: str, language: str, theme: str, width: int
) -> None:
    tabs = ("", "/edit", "/submit", "/versions", "/rehearsal", "/rehearsal/everybody", "/decisions", "/put-in")
    own = [running + path for path in tabs]
    for path in ("/flows", "/flows/gallery", "/flows/destinations", "/flows/decisions", "/flows/put-in", *own):
        page = opened(path, language=language, theme=theme, width=width)
        assert page.url.endswith(path)
        assert complaints(page) == [], path
        assert said(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} is wider than the screen"
        page.close()


def test_a_flow_is_printed_as_wide_as_the_paper_and_light(opened: Opened, bank: House) -> None:
    page = opened(f"{empty(bank, 'On paper')}/edit", theme="dark", width=1440)
    add(page, page.locator("[data-slot='root 0']"), "split", "s1")
    for number in (3, 4, 5):
        page.locator("#panel button[value=add]").click()
        expect(page.locator("#canvas .branch")).to_have_count(number)
        expect(page.locator("#panel .panel-branch")).to_have_count(number)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 1032, "height": 700})  # A4 across between its margins
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "light"
    assert (
        page.locator("#canvas .node").evaluate_all(
            "all => Math.max(...all.map((one) => one.getBoundingClientRect().right))"
        )
        <= 1032
    )
    assert page.locator(".flow-shell.outline").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"


def test_enter_saves_what_a_branch_is_called_and_removes_none(opened: Opened, bank: House) -> None:
    page = opened(f"{empty(bank, 'Called')}/edit")
    add(page, page.locator("[data-slot='root 0']"), "split", "s1")
    page.get_by_label("Called").first.fill("Northern")
    page.keyboard.press("Enter")
    expect(page.locator("#canvas .branch").first).to_contain_text("Northern")
    page.get_by_label("Called").first.fill("Southern")
    page.get_by_role("button", name="Edit the conditions").first.click()
    expect(page.locator("h1")).to_contain_text("Southern")
    assert said(page) == []


def test_a_step_is_added_while_another_is_still_being_saved(opened: Opened, bank: House) -> None:
    """Whoever is quicker than the answer makes no conflict with himself."""
    page = opened(f"{empty(bank, 'In haste')}/edit")
    add(page, page.locator("[data-slot='root 0']"), "wait", "s1")
    page.locator("#panel [name=days]").fill("2")
    page.route("**/steps/s1", lambda route: (page.wait_for_timeout(400), route.continue_())[0])
    page.get_by_role("button", name="Save the step").click(no_wait_after=True)
    add(page, page.locator("[data-slot='root 1']"), "tag", "s2")
    page.reload()
    expect(page.locator("#canvas [data-lane=root] > .node-li")).to_have_count(2)
    expect(page.locator("#step-s1")).to_contain_text("2 days")
    assert said(page) == []


def test_a_marketer_draws_the_welcome_by_mouse(opened: Opened, bank: House) -> None:
    page = opened(f"{empty(bank, 'By mouse')}/edit")
    add(page, page.locator("[data-slot='root 0']"), "send_email", "s1")
    expect(page.locator("#step-s1 .node-wrong")).to_be_visible()
    expect(page.locator(".flow-problems summary")).to_contain_text("to set up")
    add(page, page.locator("[data-slot='root 1']"), "wait_for", "s2")
    page.locator("#panel select[name=did]").select_option("opened")
    expect(page.locator("#panel [name=event]")).to_have_count(0)
    expect(page.locator("#panel select[name=step]")).to_be_visible()
    page.get_by_role("button", name="Save the step").click()
    expect(page.locator("#step-s2")).to_contain_text("opened")
    add(page, page.locator("[data-slot='s2:happened 0']"), "split", "s3")
    drag(page, page.locator("[data-type=notify]"), page.locator("#canvas [data-lane='s2:timeout']"))
    expect(lane(page, "s2:timeout")).to_have_attribute("data-id", "s4")
    page.get_by_role("button", name="Undo").click()
    expect(lane(page, "s2:timeout")).to_have_count(0)
    page.get_by_role("button", name="Redo").click()
    expect(lane(page, "s2:timeout")).to_have_count(1)
    page.reload()
    expect(lane(page, "s2:timeout")).to_have_attribute("data-id", "s4")
    assert said(page) == []
    page.get_by_role("link", name="Submit for approval").click()
    expect(page.locator("main")).to_contain_text("To set up first")
