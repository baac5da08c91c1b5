from __future__ import annotations

from collections.abc import Iterator

import pytest

import browser
from mammoscope.outputs import write_html
from report_example import exam_report

pytestmark = browser.needed


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[object, list[str]]]:
    """The report in a browser, and every address and complaint the page produced."""
    file = write_html(exam_report(), tmp_path_factory.mktemp("report") / "report.html")
    with browser.opened_page(file) as found:
        yield found


@pytest.fixture
def page(opened):  # type: ignore[no-untyped-def]
    opened[0].reload()
    return opened[0]


def shown(page, selector: str, style: str) -> str:  # type: ignore[no-untyped-def]
    return page.locator(selector).first.evaluate(f"e => getComputedStyle(e).{style}")


def test_the_slider_changes_the_map_from_the_keyboard(page) -> None:  # type: ignore[no-untyped-def]
    assert float(shown(page, ".map", "opacity")) == pytest.approx(0.7)
    page.get_by_label("Opacity").focus()
    page.keyboard.press("Home")
    assert float(shown(page, ".map", "opacity")) == 0
    page.keyboard.press("ArrowRight")
    assert float(shown(page, ".map", "opacity")) == pytest.approx(0.05)
    assert page.locator("#opacity-shown").inner_text() == "5 %"


@pytest.mark.parametrize(("label", "part"), [("Lesion map", ".map"), ("Boxes", ".boxes")])
def test_each_layer_can_be_taken_off(page, label: str, part: str) -> None:  # type: ignore[no-untyped-def]
    assert shown(page, part, "display") != "none"
    page.get_by_label(label, exact=True).focus()
    page.keyboard.press("Space")
    assert shown(page, part, "display") == "none"


def test_pictures_grow_on_request(page) -> None:  # type: ignore[no-untyped-def]
    small = page.locator(".stage").first.bounding_box()["height"]
    page.get_by_label("Large pictures").check()
    assert page.locator(".stage").first.bounding_box()["height"] > 1.5 * small


def test_nothing_is_wider_than_the_window(page) -> None:  # type: ignore[no-untyped-def]
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_paper_is_white_and_the_card_is_open(page) -> None:  # type: ignore[no-untyped-def]
    page.emulate_media(media="print")
    assert shown(page, "body", "backgroundColor") == "rgb(255, 255, 255)"
    assert shown(page, ".tools", "display") == "none"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details").get_attribute("open") is not None
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details").get_attribute("open") is None
    page.emulate_media(media="screen")


def test_the_page_asks_the_network_for_nothing(opened) -> None:  # type: ignore[no-untyped-def]
    _, noticed = opened
    assert [item for item in noticed if not item.startswith(("file:", "data:"))] == []
