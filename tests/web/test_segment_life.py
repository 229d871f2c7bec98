"""The pages of a segment that tell of time and of others: growth and moves, versions, overlap, the way out of the archive."""

import re
from html import unescape
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.actor import system
from app.domain.contacts.models import Contact
from app.domain.segments import freshness, library
from app.domain.segments.library import SegmentInput
from app.domain.segments.models import Segment
from tests.domain.segments.kept import becomes
from tests.domain.segments.told import refresh_all, tell_all
from tests.factories import people
from tests.web.pages import House

HAIFA = {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}
HEBREW = {"kind": "field", "field": "language", "op": "eq", "value": "he"}


def words(answer: Any) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True))))


def keep_up(session: Session) -> None:
    tell_all(session)
    refresh_all(session)


@pytest.fixture
def haifa(bank: House) -> UUID:
    """Three of Haifa, one of whom has left for Eilat."""
    with bank.unit() as session:
        by = system(bank.organisation_id)
        ids = people.contacts(session, 3, city="Haifa", language="he")
        people.contacts(session, 2, start=3, city="Eilat", language="he")
        made = library.create(session, SegmentInput(name="Haifa", definition={"where": HAIFA}), by=by)
        keep_up(session)
        becomes(session, by, ids[1], city="Eilat")
        keep_up(session)
        return made.id


def test_growth_says_how_many_and_who_left_and_why(bank: House, haifa: UUID) -> None:
    marketer = bank.browser("marketer")
    page = marketer.get(f"/segments/{haifa}/growth")
    assert "the contact’s data changed" in words(page)
    assert '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="Contacts in it"' in page.get_data(
        as_text=True
    )
    assert len(re.findall(r"<tr><th scope=\"row\">", page.get_data(as_text=True))) == 30 + 1
    part = marketer.get(f"/segments/{haifa}/growth?side=in&days=90", htmx=True).get_data(as_text=True)
    assert part.lstrip().startswith('<div id="moves">')
    assert "Nobody came or went" in part
    assert "Entered and left" in words(marketer.get(f"/segments/{haifa}/growth?days=365"))
    assert marketer.get(f"/segments/{haifa}/growth?days=x&side=x").status_code == 200


def test_a_segment_that_was_not_counted_says_so_and_how_it_follows(bank: House) -> None:
    with bank.unit() as session:
        opened = {
            "all": [
                {"kind": "message", "did": "opened"},
                {"kind": "field", "field": "created_at", "op": "in_last", "value": 3, "unit": "days"},
            ]
        }
        one = library.create(
            session, SegmentInput(name="Opened", definition={"where": opened}), by=system(bank.organisation_id)
        )
        url = f"/segments/{one.id}"
    marketer = bank.browser("marketer")
    assert "Not counted yet" in words(marketer.get(f"{url}/growth"))
    assert "Who is in it is being worked out." in words(marketer.get(url))
    with bank.unit() as session:
        refresh_all(session)
    page = words(marketer.get(url))
    assert "What happens to messages is looked at about once a minute." in page
    assert "Days are counted anew after midnight." in page


def test_versions_are_compared_and_restored(bank: House, haifa: UUID) -> None:
    with bank.unit("marketer") as session:
        new = SegmentInput(
            name="North", description="For spring", definition={"zone": "contact", "where": {"all": [HEBREW]}}
        )
        library.update(session, haifa, new, by=bank.staff["marketer"])
    marketer = bank.browser("marketer")
    url = f"/segments/{haifa}/versions"
    page = words(marketer.get(url))
    for said in ("Version 2", "Marketer", "Added Language is “he”", "Removed City is “Haifa”", "“Haifa” became “North”", "For spring",
                 "in the zone of each contact"):  # fmt: skip
        assert said in page
    assert "Added City is “Haifa”" in words(marketer.get(f"{url}?from=2&to=1"))
    assert "Nothing is different." in words(marketer.get(f"{url}?from=1&to=1", htmx=True))
    assert "There is no version 9 of this segment." in words(marketer.get(f"{url}?from=9&to=1"))
    assert marketer.post(f"{url}/1/restore").status_code == 303
    page = words(marketer.get(url))
    assert "this is version 3" in page
    assert "as version 1 was" in page
    assert marketer.post(f"{url}/3/restore").status_code == 303
    assert "as it was in version 3 already" in words(marketer.get(url))
    assert marketer.post(f"{url}/7/restore").status_code == 404
    viewer = bank.browser("viewer")
    assert "Restore this version" not in words(viewer.get(url))
    assert viewer.post(f"{url}/1/restore").status_code == 403


def test_an_archived_segment_is_brought_back(bank: House, haifa: UUID) -> None:
    marketer = bank.browser("marketer")
    url = f"/segments/{haifa}"
    marketer.get(url)
    assert marketer.post(f"{url}/archive").status_code == 303
    assert "Bring back" in words(marketer.get(url))
    with bank.unit() as session:
        library.create(
            session, SegmentInput(name="HAIFA", definition={"where": HAIFA}), by=system(bank.organisation_id)
        )
    refused = marketer.post(f"{url}/unarchive")
    assert refused.status_code == 409
    assert "There is a segment of this name already." in words(refused)
    with bank.unit() as session:
        other = session.execute(select(Segment).where(Segment.name == "HAIFA")).scalar_one()
        library.archive(session, other.id, by=system(bank.organisation_id))
    assert marketer.post(f"{url}/unarchive").status_code == 303
    assert "The segment is back." in words(marketer.get(url))


def test_the_overlap_of_segments_becomes_a_segment(bank: House, haifa: UUID) -> None:
    with bank.unit() as session:
        hebrew = library.create(
            session, SegmentInput(name="Hebrew", definition={"where": HEBREW}), by=system(bank.organisation_id)
        ).id
    marketer = bank.browser("marketer")
    assert "Choose a segment" in words(marketer.get("/segments/overlap"))
    page = marketer.get(f"/segments/overlap?segment={haifa}&segment={hebrew}&segment=")
    assert re.search(r"In both 2 40.0% .* In “Hebrew” , not in “Haifa” 3 60.0% .* In any of them 5 100.0%", words(page))
    links = [unescape(one) for one in re.findall(r'href="(/segments/new[^"]*)"', page.get_data(as_text=True))]
    assert links == [
        f"/segments/new?all={haifa}&all={hebrew}", f"/segments/new?all={haifa}&none={hebrew}",
        f"/segments/new?all={hebrew}&none={haifa}", f"/segments/new?any={haifa}&any={hebrew}",
    ]  # fmt: skip
    built = words(marketer.get(links[2]))
    assert "the contact is in the segment “Hebrew” and the contact is not in the segment “Haifa”" in built
    assert "or the contact is in the segment “Hebrew”" in words(marketer.get(links[3]))
    same = marketer.get(f"/segments/overlap?segment={haifa}&segment={haifa}")
    assert "Choose two or three different segments." in words(same)
    part = marketer.get(f"/segments/overlap?segment={haifa}&segment={hebrew}", htmx=True).get_data(as_text=True)
    assert part.lstrip().startswith('<div id="overlap"')
    assert "/segments/new" not in bank.browser("viewer").get(
        f"/segments/overlap?segment={haifa}&segment={hebrew}"
    ).get_data(as_text=True)


def test_counting_again_lets_members_follow(bank: House, haifa: UUID) -> None:
    with bank.unit() as session:
        session.execute(Contact.__table__.update().values(city="Haifa"))
    marketer = bank.browser("marketer")
    marketer.get(f"/segments/{haifa}")
    assert marketer.post(f"/segments/{haifa}/recount").status_code == 303
    with bank.unit() as session:
        assert session.get_one(Segment, haifa).size == 5
        assert freshness.are_due(session)
        refresh_all(session)
        assert (
            session.execute(select(func.count()).select_from(Segment).where(Segment.due_at.is_not(None))).scalar() == 0
        )
