from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

from browser import CHROMIUM, needed

pytestmark = needed
HUNG = """() => {
  const all = [...document.querySelectorAll('.mv-pane')];
  const panes = all.filter((pane) => pane.style.visibility !== 'hidden');
  return panes.length > 0 && panes.every((pane) => pane.dataset.state === 'shown');
}"""
BARE = ".mv-title, .mv-reading, .mv-marks { visibility: hidden !important }"


@dataclass
class Room:
    """The reading room in a browser, and what the page asked and complained of."""

    page: Any
    address: str
    asked: list[str]
    complaints: list[str]

    def heard(self, kind: str, text: str) -> None:
        # The software driver warns of slow reads whenever a picture of the screen is taken.
        if kind in ("error", "warning") and "GL Driver Message" not in text:
            self.complaints.append(text)

    def open(self, section: str, of: str) -> None:
        """Open a section anew and wait for what it should hold."""
        self.page.goto(f"{self.address}/#/{section}")
        self.page.reload()
        self.page.wait_for_selector(of)

    def study(self, name: str) -> None:
        self.open(f"study/{name}", ".toolbar")
        self.page.wait_for_function(HUNG)

    def pressed(self, action: str) -> bool:
        return bool(self.page.get_attribute(f"[data-action={action}]", "aria-pressed") == "true")


@pytest.fixture(scope="module")
def room(address: str) -> Iterator[Room]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    options = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(20_000)
        found = Room(page, address, [], [])
        page.on("request", lambda request: found.asked.append(request.url))
        page.on("pageerror", lambda error: found.complaints.append(str(error)))
        page.on("console", lambda said: found.heard(said.type, said.text))
        yield found
        browser.close()


def test_four_views_hang_with_chest_walls_in_the_middle(room: Room, demo_study: str) -> None:
    room.study(demo_study)
    titles = room.page.locator(".mv-pane[data-state=shown] .mv-title").all_inner_texts()
    assert titles == ["R CC", "L CC", "R MLO", "L MLO"]
    room.page.wait_for_timeout(500)
    png = room.page.locator(".host").screenshot(style=BARE)
    drawn = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert drawn is not None
    middle, strip = drawn.shape[1] // 2, drawn.shape[1] // 12
    inner = (drawn[:, middle - strip : middle - 3], drawn[:, middle + 3 : middle + strip])
    outer = (drawn[:, 3:strip], drawn[:, -strip:-3])
    assert min(map(np.mean, inner)) > 20 > max(map(np.mean, outer))


def test_map_comes_and_goes(room: Room, demo_study: str) -> None:
    room.study(demo_study)
    assert room.page.locator(".mv-map:visible").count() == 0
    room.page.keyboard.press("+")
    room.page.locator(".mv-map:visible").first.wait_for()
    room.page.keyboard.press("-")
    room.page.locator(".mv-map:visible").first.wait_for(state="hidden")


def test_region_drawn_with_the_mouse_is_answered(room: Room, demo_study: str) -> None:
    room.study(demo_study)
    room.page.click("[data-action=region]")
    pane = room.page.locator(".mv-pane").nth(1).bounding_box()
    room.page.mouse.move(pane["x"] + 30, pane["y"] + 120)
    room.page.mouse.down()
    room.page.mouse.move(pane["x"] + 110, pane["y"] + 200, steps=4)
    room.page.mouse.up()
    room.page.wait_for_selector(".region .answer img")
    assert "Malignant" in room.page.inner_text(".region .classes")


def test_keys_work_tools_and_views(room: Room, demo_study: str) -> None:
    room.study(demo_study)
    for key, action in (("p", "pan"), ("i", "invert"), ("e", "single")):
        assert not room.pressed(action)
        room.page.keyboard.press(key)
        room.page.wait_for_selector(f"[data-action={action}][aria-pressed=true]")
    room.page.keyboard.press("4")
    room.page.wait_for_selector(".mv-pane[data-active=true] .mv-title:text-is('L MLO')")


def test_one_to_one_shows_the_breast(room: Room, demo_study: str) -> None:
    room.study(demo_study)
    for key in ("e", "o"):
        room.page.keyboard.press(key)
    room.page.wait_for_selector(".mv-pane[data-active=true] .mv-reading:has-text('100 %')")
    room.page.wait_for_timeout(500)
    png = room.page.locator(".host").screenshot(style=BARE)
    assert np.mean(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)) > 20


def test_verdict_survives_a_reload(room: Room, demo_study: str) -> None:
    room.study(demo_study)
    room.page.get_by_role("button", name="Missed lesion").click()
    room.page.fill("textarea", "lateral, both views")
    room.page.locator("textarea").blur()
    room.page.get_by_text("Saved at").wait_for()
    room.page.wait_for_load_state("networkidle")
    room.open("worklist", ".worklist tbody tr")
    row = room.page.locator(".worklist tr", has_text="lateral, both views")
    assert "Missed lesion" in row.inner_text()


def test_wrong_file_is_refused_with_a_sentence(room: Room) -> None:
    room.open("study", ".drop")
    wrong = {"name": "letter.txt", "mimeType": "text/plain", "buffer": b"not a picture"}
    room.page.locator("input[type=file]").first.set_input_files(wrong)
    said = room.page.locator(".file.refused p, .file.failed p")
    said.wait_for()
    assert said.inner_text().endswith(".")


def test_demo_and_region_need_no_mouse(room: Room) -> None:
    room.open("study", ".drop")
    room.page.get_by_role("button", name="Try the demo exam").focus()
    room.page.keyboard.press("Enter")
    room.page.wait_for_selector(".toolbar")
    room.page.wait_for_function(HUNG)
    for key in ("r", "ArrowRight", "Shift+ArrowRight", "Enter"):
        room.page.keyboard.press(key)
    room.page.wait_for_selector(".region .answer")
    assert "Malignant" in room.page.inner_text(".region .classes")


def test_page_calls_its_server_alone_and_complains_of_nothing(room: Room, demo_study: str) -> None:
    room.study(demo_study)
    hosts = {urlsplit(url).hostname for url in room.asked if url.startswith("http")}
    assert hosts == {"127.0.0.1"}
    assert room.complaints == []
