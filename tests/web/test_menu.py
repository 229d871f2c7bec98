"""The menu: what the nouns declare is there."""

from flask import Flask

from app.core import nouns


def test_the_menu_leads_to_pages_that_exist(page_app: Flask) -> None:
    entries = [entry for noun in nouns.declared() for entry in noun.menu]
    assert len(entries) > 12
    assert [entry.label for entry in entries if entry.endpoint not in page_app.view_functions] == []
