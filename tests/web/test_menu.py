"""The menu: what it offers is there."""

from flask import Flask

from app.web.navigation import ACCOUNT, NAVIGATION


def test_the_menu_leads_to_pages_that_exist(page_app: Flask) -> None:
    entries = [entry for group in (*NAVIGATION, ACCOUNT) for entry in group.entries]
    assert [entry.label for entry in entries if entry.endpoint not in page_app.view_functions] == []
