"""The same story in Hebrew: in a file of its own, so that another process tells it."""

import pytest

from tests.browser import test_story as story


@pytest.fixture(scope="module")
def language() -> str:
    return "he"


house = story.house
test_the_story = story.test_the_story  # first: the others need what it leaves
test_the_month = story.test_the_month
test_every_page_on_a_phone = story.test_every_page_on_a_phone
