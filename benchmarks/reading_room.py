"""A reader's visit to the reading room in a real browser: a picture of each step; waits.

    python benchmarks/reading_room.py FILES... --out DIR [--size 1280x800] [--scheme light]
    python benchmarks/reading_room.py FILES... --times [--repeats 5]

Starts `mammoscope serve`, and Chromium without a graphics card. The visit uploads the files as one
study, hangs them (in the drawn pixels the chest walls must meet in the middle), shows map and
findings, drags a window, asks a region, keeps a mark, gives a verdict, restarts the server, finds
the study in the worklist again, downloads its report and opens it. It stops at the first step that
fails, and fails at the end if the page complained or asked any other host. `--times` measures
instead; all times are medians after one visit that is not counted.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, Request, sync_playwright

from api_fuzzing import server

_WAIT_MS = 120_000
_OPTIONS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_BARE = ".mv-title, .mv-reading, .mv-marks, .mv-map { visibility: hidden !important }"
_HUNG = """() => {
  const wanted = [...document.querySelectorAll('.mv-pane')].filter((pane) =>
    pane.style.visibility !== 'hidden' && pane.querySelector('.mv-title').textContent);
  return wanted.length > 0 && wanted.every((pane) => pane.dataset.state === 'shown');
}"""
_DONE = "() => location.hash.length > 20 || document.querySelector('.job a.primary') !== null"
# Cornerstone tells of a drawn picture by an event that does not rise; a listener above hears it
# on its way down.
_COUNT_DRAWN = """() => {
  window.drawn = [];
  document.querySelector('.mv-viewer').addEventListener('CORNERSTONE_IMAGE_RENDERED',
    (event) => {
      const title = event.target.parentElement.querySelector('.mv-title').textContent;
      window.drawn.push([title, performance.now()]);
    }, true);
}"""
_SWITCH = """(key) => new Promise((done) => {
  const start = performance.now();
  const viewer = document.querySelector('.mv-viewer');
  const heard = (event) => {
    if (event.target.closest('.mv-pane').style.visibility === 'hidden') return;
    viewer.removeEventListener('CORNERSTONE_IMAGE_RENDERED', heard, true);
    requestAnimationFrame(() => done(performance.now() - start));
  };
  viewer.addEventListener('CORNERSTONE_IMAGE_RENDERED', heard, true);
  document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
})"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, help="folder of the pictures")
    parser.add_argument("--times", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--size", default="1280x800")
    parser.add_argument("--scheme", choices=["dark", "light"], default="dark")
    args = parser.parse_args()
    files = [file for given in args.files for file in files_of(given)]
    with tempfile.TemporaryDirectory() as data, chromium() as browser:
        if args.times:
            return measure(browser, files, Path(data), args.repeats)
        if args.out is None:
            parser.error("give --out or --times")
        args.out.mkdir(parents=True, exist_ok=True)
        visitor = Visitor(open_page(browser, args.size, args.scheme), args.out)
        return visit(visitor, files, Path(data))


def files_of(given: Path) -> list[Path]:
    found = sorted(given.iterdir()) if given.is_dir() else [given]
    return [path for path in found if path.is_file() and not path.name.startswith(".")]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, drawing in software."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=_OPTIONS)
        yield browser
        browser.close()


def open_page(browser: Browser, size: str = "1280x800", scheme: str = "dark") -> Page:
    """A page of its own session, of a size such as 1280x800."""
    width, height = (int(side) for side in size.split("x"))
    viewport = {"width": width, "height": height}
    page = browser.new_page(viewport=viewport, color_scheme=scheme)  # type: ignore[arg-type]
    page.set_default_timeout(_WAIT_MS)
    return page


@dataclass
class Visitor:
    """A page, the pictures taken of it, and all it complained of."""

    page: Page
    out: Path
    complaints: list[str] = field(default_factory=list)
    _taken: int = 0

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self._heard(said.type, said.text))
        self.page.on("request", self._asked)

    def _heard(self, kind: str, text: str) -> None:
        # Chromium's software driver tells of slow reads whenever a test reads its pixels.
        if kind in ("error", "warning") and "GL Driver Message" not in text:
            self.complaints.append(text)

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme.startswith("http") and address.hostname != "127.0.0.1":
            self.complaints.append(f"asked {address.hostname}")

    def picture(self, name: str) -> None:
        """Take the next numbered picture of what is on the screen."""
        self._taken += 1
        self.page.wait_for_timeout(600)
        self.page.screenshot(path=self.out / f"{self._taken:02d}_{name}.png")
        print(f"{self._taken:02d} {name}")


def visit(visitor: Visitor, files: Sequence[Path], data: Path) -> int:
    page = visitor.page
    with server(data) as running:
        upload(visitor, running.address, files)
        see(visitor)
        if not page.locator("[data-action=region]").count():
            print("ultrasound: no regions")
        else:
            ask_region(visitor)
        judge(visitor)
        study = page.url.rsplit("/", 1)[1]
    with server(data) as running:
        find_again(visitor, running.address, study)
        take_report(visitor, running.address, study)
    for complaint in visitor.complaints:
        print(f"COMPLAINT {complaint[:300]}")
    return 1 if visitor.complaints else 0


def upload(visitor: Visitor, address: str, files: Sequence[Path]) -> None:
    page = visitor.page
    page.goto(f"{address}/")
    page.wait_for_selector(".drop")
    visitor.picture("start")
    page.locator("input[type=file]").first.set_input_files(files)
    page.wait_for_selector(".job li")
    visitor.picture("progress")
    opened(page)
    visitor.picture("hanging")


def opened(page: Page) -> None:
    """Until the study is open with its pictures drawn; past a list of refusals."""
    page.wait_for_function(_DONE)
    if page.locator(".job a.primary").count():
        page.locator(".job a.primary").first.click()
    page.wait_for_selector(".toolbar")
    page.wait_for_function(_HUNG)


def see(visitor: Visitor) -> None:
    page = visitor.page
    panes = page.locator(".mv-pane[data-state=shown]").count()
    if panes == 4:
        assert_walls_meet(page)
    for _ in range(6):
        page.keyboard.press("+")
    visitor.picture("map")
    page.keyboard.press("-")
    page.keyboard.press("g")
    visitor.picture("first_finding")
    page.keyboard.press("v")
    drag(page, (0.75, 0.25), (0.85, 0.32))
    visitor.picture("window_dragged")
    page.keyboard.press("0")
    for key, name in (("i", "inverted"), ("o", "one_to_one")):
        page.keyboard.press(key)
        visitor.picture(name)
        page.keyboard.press("0")
    page.keyboard.press("e")
    drag_tool(page, "l", (0.4, 0.4), (0.55, 0.5))
    visitor.picture("single_with_length")
    page.keyboard.press("0")


def assert_walls_meet(page: Page) -> None:
    """Both chest walls stand at the middle: breast there, air at the outer edges."""
    said = page.locator(".host").screenshot(style=_BARE)
    drawn = cv2.imdecode(np.frombuffer(said, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert drawn is not None
    height, width = drawn.shape
    strip, rim = width // 12, 4
    for name, rows in (("CC", drawn[: height // 2]), ("MLO", drawn[height // 2 :])):
        middle = (
            rows[:, width // 2 - strip : width // 2 - rim],
            rows[:, width // 2 + rim :][:, :strip],
        )
        outer = (rows[:, rim:strip], rows[:, -strip:-rim])
        for side, inner, edge in zip("RL", middle, outer, strict=True):
            lit, dark = float(np.mean(inner > 40)), float(np.mean(edge > 40))
            print(f"   {side} {name}: {lit:.0%} lit at the middle, {dark:.0%} at the outer edge")
            assert lit > 0.3 > dark, (
                f"{side} {name} does not hang with its chest wall in the middle"
            )


def drag_tool(page: Page, key: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.keyboard.press(key)
    drag(page, start, end)


def drag(page: Page, start: tuple[float, float], end: tuple[float, float], steps: int = 10) -> None:
    """Drag the mouse over the pictures; points in shares of their area."""
    box = page.locator(".host").bounding_box()
    assert box is not None
    ends = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*ends[0])
    page.mouse.down()
    page.mouse.move(*ends[1], steps=steps)
    page.mouse.up()


def ask_region(visitor: Visitor) -> None:
    page = visitor.page
    page.keyboard.press("g")
    page.wait_for_timeout(300)
    drag_tool(page, "r", (0.3, 0.3), (0.7, 0.7))
    page.wait_for_selector(".region .answer")
    page.locator(".regions").scroll_into_view_if_needed()
    visitor.picture("region")
    plain = page.locator(".answer .classes").inner_text()
    page.get_by_label("Sharpen", exact=True).check()
    page.get_by_role("slider", name="Contrast: strength").fill("4")
    page.get_by_text("without sharpening and contrast").wait_for()
    page.wait_for_function(
        "(was) => document.querySelector('.answer .classes').innerText !== was", arg=plain
    )
    visitor.picture("sharpened")
    page.get_by_label("Label").select_option("suspicious")
    page.get_by_role("button", name="Keep as annotation").click()
    page.wait_for_selector(".marks li")
    visitor.picture("mark_kept")


def judge(visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_role("button", name="Disagree", exact=True).click()
    page.locator("textarea").fill("Seen on both views; known for years.")
    page.locator("textarea").blur()
    page.get_by_text("Saved at").wait_for()
    visitor.picture("verdict")


def find_again(visitor: Visitor, address: str, study: str) -> None:
    page = visitor.page
    page.goto(f"{address}/#/worklist")
    row = page.locator(".worklist tbody tr").first
    row.wait_for()
    said = row.inner_text()
    assert "Disagree" in said, said
    assert "known for years" in said, said
    visitor.picture("worklist_after_restart")
    row.locator("th a").click()
    page.wait_for_selector(".toolbar")
    page.wait_for_function(_HUNG)
    assert page.url.endswith(study)
    assert (
        page.get_by_role("button", name="Disagree", exact=True).get_attribute("aria-pressed")
        == "true"
    )
    visitor.picture("study_after_restart")
    page.get_by_role("link", name="Open the report").scroll_into_view_if_needed()
    visitor.picture("panel_end")


def take_report(visitor: Visitor, address: str, study: str) -> None:
    page = visitor.page
    with page.expect_download() as download:
        page.get_by_role("link", name="Report (HTML)").click()
    report = visitor.out / "report.html"
    download.value.save_as(report)
    page.goto(report.resolve().as_uri())
    visitor.picture("report_downloaded")
    page.goto(f"{address}/api/v1/studies/{study}/report.html")
    page.get_by_text("Malignancy").first.wait_for()
    visitor.picture("report_served")


def measure(browser: Browser, files: Sequence[Path], data: Path, repeats: int) -> int:
    """From the choice of files to figures and pictures; switching and windowing."""
    with server(data) as running:
        for name, chosen in (("one file", files[:1]), (f"{len(files)} files", files)):
            tries = [
                waited(open_page(browser), running.address, chosen) for _ in range(repeats + 1)
            ]
            figures, pictures = (statistics.median(one) for one in zip(*tries[1:], strict=True))
            print(f"{name}: figures after {figures:.2f} s, all views drawn after {pictures:.2f} s")
        page = open_page(browser)
        waited(page, running.address, files)
        page.wait_for_load_state("networkidle")
        hands(page, repeats)
    return 0


def waited(page: Page, address: str, files: Sequence[Path]) -> tuple[float, float]:
    """Seconds from the choice of files to the first figures, and to all views drawn."""
    page.goto(f"{address}/")
    page.wait_for_selector(".drop")
    start = time.perf_counter()
    page.locator("input[type=file]").first.set_input_files(files)
    page.wait_for_selector(".panel .measure b")
    figures = time.perf_counter() - start
    page.wait_for_function(_HUNG)
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    pictures = time.perf_counter() - start
    if page.context.pages[:-1]:
        page.context.pages[0].close()
    return figures, pictures


def hands(page: Page, repeats: int) -> None:
    page.evaluate(_COUNT_DRAWN)
    for layout, key in (("single view", "e"), ("four views", "v")):
        page.keyboard.press(key)
        page.wait_for_timeout(1000)
        if layout == "single view":
            turns = [page.evaluate(_SWITCH, str(1 + turn % 4)) for turn in range(4 * repeats + 4)][
                4:
            ]
            print(f"switch of view: {statistics.median(turns):.0f} ms, longest {max(turns):.0f} ms")
        rates = [windowing_rate(page) for _ in range(repeats + 1)][1:]
        print(f"windowing, {layout}: {statistics.median(rates):.0f} frames/s")


def windowing_rate(page: Page) -> float:
    """Pictures drawn a second in the view under the mouse while it drags a window."""
    page.evaluate("window.drawn = []")
    drag(page, (0.7, 0.2), (0.8, 0.3), steps=150)
    drawn: list[tuple[str, float]] = page.evaluate("window.drawn")
    page.wait_for_timeout(700)
    page.keyboard.press("0")
    busiest = statistics.mode(title for title, _ in drawn)
    times = [at for title, at in drawn if title == busiest]
    return 1000 * (len(times) - 1) / (times[-1] - times[0])


if __name__ == "__main__":
    sys.exit(main())
