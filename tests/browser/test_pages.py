"""Every form and every page of the menu in a real browser, in a bank whose lists are full."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.person import Person
from tests.servers.house import House, wait_for, whole
from tests.servers.throwaway import Servers

ANSWERED = re.compile(r"40[39]|422|htmx:(sendAbort|afterRequest)")  # a refusal is an answer like another


@pytest.fixture(scope="module")
def house(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with whole(servers, "living", tmp_path_factory.mktemp("living"), empty=False) as one:
        yield one


@dataclass(frozen=True)
class Form:
    """A form, where it stands, and what to write into it so that it is refused."""

    role: str
    page: str
    action: str = "/"  # what its address holds, where the page has several
    wrong: dict[str, str] = field(default_factory=dict)


# A page of "{name}" takes the newest of that list.
FORMS = [
    Form("marketer", "/contacts/new", wrong={"email": "nonsense", "phone": "1", "country": "x"}),
    Form("marketer", "/contacts/{contacts}/consents", "/consents"),
    Form("marketer", "/segments/new"),
    Form("marketer", "/templates/new?start=sms"),
    Form("marketer", "/templates/new?start=email-offer", wrong={"he_subject": "", "he_body": "<mjml>{{ x", "name": ""}),
    Form("marketer", "/campaigns/new"),
    Form("marketer", "/imports/new", "/imports/new"),
    Form("marketer", "/reports/new", wrong={"recipients": "nobody, b@c.example"}),
    Form("marketer", "/suppressions/new", "/suppressions/new"),
    Form("marketer", "/suppressions/new", "/suppressions/list"),
    Form("marketer", "/account/keys/new"),
    Form("marketer", "/account/keys/pages/new", wrong={"origins": "nonsense"}),
    Form("marketer", "/account/password"),
    Form("operator", "/providers/new/carrier", wrong={"base_url": "nonsense"}),
    Form("operator", "/providers/new/smtp", wrong={"port": "many"}),
    Form("owner", "/settings/users/new", wrong={"email": "nonsense"}),
    Form("owner", "/settings/organisation", wrong={"timezone": "Nowhere", "currency": "x"}),
    Form("owner", "/settings/calendar", wrong={"from_0": "19:00", "to_0": "08:00", "days": "tomorrow"}),
    Form("admin", "/campaigns/{campaigns}/review", "/approve"),
]


@pytest.fixture(scope="module")
def people(house: House, chromium: Browser) -> Iterator[dict[str, Person]]:
    """Everybody who is needed, signed in once, on a phone."""
    found = {role: Person(house, chromium, role, "en") for role in dict.fromkeys(form.role for form in FORMS)}
    for person in found.values():
        person.expected = ANSWERED
        person.page.set_viewport_size({"width": 390, "height": 844})
        person.sign_in()
    yield found
    for person in found.values():
        person.page.context.close()


def test_every_refused_form_says_why_until_it_is_mended(house: House, people: dict[str, Person]) -> None:
    for form in FORMS:
        person, page = people[form.role], people[form.role].page
        where = f"{form.page} {form.action}"
        person.go(re.sub(r"\{(\w+)\}", lambda found: newest(house, found[1]), form.page))
        whole_form = page.locator(f"main form[method=post][action*='{form.action}']:has([type=submit]):visible").first
        fill(whole_form, form.wrong)
        with page.expect_response(lambda answer: answer.request.method == "POST" and answer.status == 422):
            whole_form.locator("[type=submit]:visible").first.click()
        expect(page.locator("main .form-errors").first).to_be_visible()
        wrong = page.locator("main .form-field:has(.form-error), main .form-cell:has(.form-error)")
        assert called_optional(page) == [], where
        assert styled(page) == [], where
        fits(person, where)
        for _ in range(wrong.count()):
            mend(wrong.first)
        assert page.locator("main .form-error, main [aria-invalid]").count() == 0, f"{where}: an error that stays"
        assert page.locator("main .form-errors").count() == 0, f"{where}: it stays at the head"
        assert page.locator("main .tongue-wrong:visible").count() == 0, where
        assert person.troubles == [], where
        forget(page)


def test_the_forms_of_signing_in_do_so_too(house: House, browser: Browser) -> None:
    person = Person(house, browser, "viewer", "en")
    person.expected = ANSWERED
    person.go("/login")
    for fields in (["email", "password"], ["code"]):
        person.page.click("main [type=submit] >> nth=0")
        for name in fields:
            expect(person.page.locator(f"#{name}-error")).to_be_visible()
            person.page.fill(f"#{name}", "x")
        expect(person.page.locator(".form-error, .form-errors, [aria-invalid]")).to_have_count(0)
        person.page.fill("#email", house.access["viewer"]["email"]) if "email" in fields else None
        person.page.fill("#password", house.access["viewer"]["password"]) if "email" in fields else None
        person.page.click("main [type=submit] >> nth=0")
        person.page.wait_for_load_state()
    assert person.troubles == []


def test_what_a_page_asks_does_so_too(house: House, people: dict[str, Person]) -> None:
    page = people["marketer"].page
    people["marketer"].go(f"/segments/{newest(house, 'segments')}/why")
    page.fill("#contact", "nobody")
    page.click("#why [type=submit]")
    mends(page, "#contact")
    people["marketer"].go("/?from=nonsense")
    mends(page, "#from")
    people["marketer"].troubles.clear()  # a refused address is an answer, too


def test_what_a_visitor_of_the_banks_site_does_is_his_history_once_he_signs_in(house: House, browser: Browser) -> None:
    page, site = browser.new_page(), f"{house.sandbox.url}/site"
    page.goto(site)
    page.goto(f"{site}/calculator")
    with page.expect_response("**/api/v1/batch") as told:
        page.click("#calculator button")
    assert told.value.status == 202
    page.goto(site)
    page.fill("#customer", "17")
    with page.expect_response("**/api/v1/identify") as told:
        page.click("main form button")
    assert told.value.status == 202
    expect(page.locator("[role=status]")).to_contain_text("Carillon was told")
    contact = house.call("marketer", "GET", "/contacts?external_id=17")[1]["data"][0]["id"]

    def history() -> list[tuple[str, bool]] | None:
        data = house.call("marketer", "GET", f"/contacts/{contact}/history?kind=event&per_page=10")[1]["data"]
        found = [(one["action"], one["is_verified"]) for one in data]
        return found if ("offer_viewed", False) in found else None

    found = wait_for("the page to have told", 20, history)
    assert ("login", True) in found
    assert ("calculator_used", False) in found, "what he did before he signed in"
    page.close()


def mends(page: Page, control: str) -> None:
    expect(page.locator(f"{control}-error")).to_be_visible()
    page.fill(control, "1")
    expect(page.locator(f"{control}-error, main [aria-invalid]")).to_have_count(0)


def newest(house: House, noun: str) -> str:
    """The newest of a list; of campaigns, one that waits for a decision."""
    listed = house.call("owner", "GET", f"/{noun}")[1]["data"]
    return str(next((one["id"] for one in listed if one.get("state") == "in_review"), listed[0]["id"]))


def fill(form: Locator, wrong: dict[str, str]) -> None:
    for name, value in wrong.items():
        control = form.locator(f"[name={name}]")
        tongue = control.locator("xpath=ancestor::*[@data-language]")
        if tongue.count():
            form.locator(f"[for=in-{tongue.get_attribute('data-language')}]").click()
        control.fill(value) if control.get_attribute("type") != "number" else control.press_sequentially(value)


def mend(place: Locator) -> None:
    """Change what an error stands at, as a person does."""
    language = place.locator("xpath=ancestor::*[@data-language]")
    if language.count():
        place.page.locator(f"[for=in-{language.get_attribute('data-language')}]").click()
    control = place.locator("input:visible, textarea:visible, select").first
    kind = control.get_attribute("type")
    if kind == "file":
        control.set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": b"phone\n"})
    elif kind in ("checkbox", "radio"):
        control.click()
    elif place.locator("select").count():
        choose = "s => { const o = [...s.options].find(one => one.value && !one.selected); (s.tomselect ? s.tomselect.setValue(o.value)"
        place.locator("select").evaluate(
            choose + ": (o.selected = true, s.dispatchEvent(new Event('change', {bubbles: true})))) }"
        )
    elif kind == "time":
        control.fill("07:00")
    else:
        control.press_sequentially("1")


def called_optional(page: Page) -> list[str]:
    """Fields that are refused for being empty and have said that they may be."""
    return page.evaluate(  # type: ignore[no-any-return]
        "() => [...document.querySelectorAll('.form-field:has(.form-error):has(.form-label-optional)')]"
        ".filter(one => !one.querySelector('input, textarea, select').value).map(one => one.id)"
    )


def styled(page: Page) -> list[str]:
    """Styles that came as text, which the policy forbids: what a script sets one by one is none of them."""
    return page.evaluate(  # type: ignore[no-any-return]
        "() => [...document.querySelectorAll('main [style]')].filter(one => !one.closest('.ts-wrapper, [aria-hidden], .tomselected'))"
        ".map(one => one.outerHTML.slice(0, 120))"
    )


def forget(page: Page) -> None:
    """Leave without being asked about what is not saved."""
    page.evaluate("() => document.querySelectorAll('[data-dirty]').forEach(one => delete one.dataset.dirty)")


# What an element sticks out of the window by, or hides by scrolling sideways: written text and code may, a list may not.
CUT_OFF = """() => {
  const found = [];
  for (const one of document.querySelectorAll('main *')) {
    const box = one.getBoundingClientRect();
    if (!box.width || !box.height || one.closest('.visually-hidden, svg, thead, pre, textarea, [popover], details:not([open]) > :not(summary)')) continue;
    const style = getComputedStyle(one);
    if (style.clipPath !== 'none') continue;
    const hides = style.overflowX !== 'visible' && !one.matches('input, select, textarea, iframe, progress, .ts-control');
    if (box.right > innerWidth + 1 || box.left < -1 || (hides && one.scrollWidth > one.clientWidth + 1))
      found.push(`${one.tagName}.${one.className} ${Math.round(box.left)}..${Math.round(box.right)} ${one.textContent.trim().slice(0, 40)}`);
  }
  return found.slice(0, 4);
}"""
PLACES = [
    "/settings/roles",
    "/settings/organisation",
    "/settings/calendar",
    "/approvals?view=all",
    "/account/sessions",
    "/account/password",
    "/account/keys",
    "/search",
]


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("he", "dark")])
def test_every_page_fits_a_phone(house: House, people: dict[str, Person], language: str, theme: str) -> None:
    person, page = people["owner"], people["owner"].page
    person.language, chosen = language, {"carillon_locale": language, "carillon_theme": theme}
    page.context.add_cookies([{"name": name, "value": value, "url": house.base_url} for name, value in chosen.items()])
    person.go("/")
    menu = page.locator("#side nav a[href]").evaluate_all("links => links.map(one => one.getAttribute('href'))")
    assert len(menu) > 12
    for place in [*menu, *PLACES]:
        person.go(place)
        fits(person, place)
        person.looks_right("phone" + re.sub(r"[^a-z]+", "-", place))
        page.locator("details:not([open]) > summary").evaluate_all("all => all.forEach(one => one.click())")
        fits(person, f"{place}, all open")
        first = page.locator("main tbody th[scope=row] a").first
        if first.count() and place != "/":
            person.go(str(first.get_attribute("href")))
            fits(person, f"{place}, its first")
            for tab in page.locator("main .tabs a:not([aria-current])").evaluate_all(
                "all => all.map(one => one.getAttribute('href'))"
            ):
                person.go(tab)
                fits(person, tab)


def fits(person: Person, place: str) -> None:
    assert person.page.evaluate("document.documentElement.scrollWidth") <= 390, f"{place} is wider than the screen"
    assert person.page.evaluate(CUT_OFF) == [], place
