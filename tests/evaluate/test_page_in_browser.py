from __future__ import annotations

from collections.abc import Iterator

import pytest

import browser
from evaluation_example import evaluation
from mammoscope.evaluate import written

pytestmark = browser.needed


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[object, list[str]]]:
    """The page in a browser, and every address and complaint it produced."""
    file = written.write_all(evaluation(), tmp_path_factory.mktemp("report"))[0]
    with browser.opened_page(file) as found:
        yield found


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_nothing_is_wider_than_the_window(opened, width: int) -> None:  # type: ignore[no-untyped-def]
    page = opened[0]
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_tables_fit_on_paper(opened) -> None:  # type: ignore[no-untyped-def]
    page = opened[0]
    page.set_viewport_size({"width": 695, "height": 1000})  # A4 less its margins, at 96 per inch
    page.emulate_media(media="print")
    wide = "[...document.querySelectorAll('table')].map(t => t.getBoundingClientRect().right)"
    assert max(page.evaluate(wide)) <= 696
    page.emulate_media(media="screen")


def test_every_shortcut_leads_somewhere(opened) -> None:  # type: ignore[no-untyped-def]
    targets = opened[0].locator("nav a").evaluate_all("links => links.map(a => a.hash)")
    assert targets
    for target in targets:
        assert opened[0].locator(target).count() == 1


def test_the_page_asks_the_network_for_nothing(opened) -> None:  # type: ignore[no-untyped-def]
    assert [item for item in opened[1] if not item.startswith(("file:", "data:"))] == []
