"""What axe-core finds in each page and state of the reading room, in both colour schemes.

    python benchmarks/accessibility.py

Fetches axe-core by npm into a temporary folder, starts `mammoscope serve`, and prints a row for
each state: rules passed, and violations of WCAG 2.2 A and AA and of best practice by impact. The
try-it page is held to the same. The exit code is 1 if any violation is serious or critical.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, FilePayload, Page

from reading_room import chromium, open_page, opened

_IMPACTS = ("critical", "serious", "moderate", "minor")
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_AXE = "(tags) => axe.run(document, { runOnly: { type: 'tag', values: tags } })"
_TOKEN = "token-of-this-trial-alone"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        axe = fetched(Path(folder))
        print(f"{'state':32}passed  " + "  ".join(_IMPACTS))
        bad = 0
        for scheme in ("dark", "light"):
            checker = Checker(axe, scheme)
            with serving(Path(folder, scheme)) as address:
                rounds(checker, browser, address)
            Path(folder, "token").write_text(_TOKEN)
            with serving(Path(folder, "closed"), "--token-file", f"{folder}/token") as address:
                page = open_page(browser, scheme=scheme)
                page.goto(address)
                page.wait_for_selector("input[type=password]")
                checker.check(page, "login")
            bad += checker.bad
    print(f"serious or critical: {bad}")
    return 1 if bad else 0


def fetched(folder: Path) -> str:
    """The source of axe-core."""
    command = [
        "npm",
        "install",
        "--silent",
        "--ignore-scripts",
        "--prefix",
        str(folder),
        "axe-core@4",
    ]
    subprocess.run(command, check=True)
    return (folder / "node_modules/axe-core/axe.min.js").read_text()


@contextmanager
def serving(data: Path, *options: str) -> Iterator[str]:
    """A server with its try-it page; gives its address."""
    command = [sys.executable, "-m", "mammoscope", "serve", "--port", "0", "--data", str(data)]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "http://" in line)
        try:
            yield line.split()[1].rstrip("/")
        finally:
            process.terminate()


class Checker:
    """Runs axe on what a page shows and keeps count."""

    def __init__(self, axe: str, scheme: str) -> None:
        self.axe, self.scheme, self.bad = axe, scheme, 0

    def check(self, page: Page, state: str) -> None:
        """Print the row of one state."""
        page.wait_for_timeout(500)
        page.evaluate(self.axe)
        found = page.evaluate(_AXE, _TAGS)
        counts = Counter(one["impact"] for one in found["violations"])
        figures = "  ".join(f"{counts[impact]:{len(impact)}}" for impact in _IMPACTS)
        print(f"{state + ', ' + self.scheme:32}{len(found['passes']):6}  {figures}", flush=True)
        for one in found["violations"]:
            print(f"    {one['id']} ({one['impact']}): {one['nodes'][0]['html'][:140]}")
        self.bad += counts["critical"] + counts["serious"]


def rounds(checker: Checker, browser: Browser, address: str) -> None:
    page = open_page(browser, scheme=checker.scheme)
    page.goto(f"{address}/")
    page.wait_for_selector(".drop")
    checker.check(page, "start")
    wrong = FilePayload(name="letter.txt", mimeType="text/plain", buffer=b"not a picture")
    page.locator("input[type=file]").first.set_input_files(wrong)
    page.wait_for_selector(".file p")
    checker.check(page, "refused file")
    study(checker, page, address)
    for section, awaited in (
        ("worklist", ".worklist tbody tr"),
        ("models", ".model .part"),
        ("help", ".help .card"),
    ):
        page.goto(f"{address}/#/{section}")
        page.wait_for_selector(awaited)
        checker.check(page, section)
    page.goto(f"{address}/#/ultrasound")
    page.wait_for_selector(".drop")
    checker.check(page, "ultrasound")
    compared(checker, page, address)
    evaluated(checker, page, address)
    page.goto(f"{address}/try")
    page.wait_for_selector("button", timeout=60_000)
    page.wait_for_timeout(2000)
    checker.check(page, "try")


def study(checker: Checker, page: Page, address: str) -> None:
    page.goto(f"{address}/#/study")
    page.reload()
    page.wait_for_selector(".drop")
    page.get_by_role("button", name="Try the demo exam").click()
    opened(page)
    checker.check(page, "study")
    page.get_by_text("What sure and the interval mean").click()
    for key in ("g", "r", "ArrowRight", "Shift+ArrowRight", "Enter"):
        page.keyboard.press(key)
    page.wait_for_selector(".region .answer")
    checker.check(page, "region answered")
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    checker.check(page, "help sheet")
    page.keyboard.press("Escape")


def compared(checker: Checker, page: Page, address: str) -> None:
    page.goto(f"{address}/#/compare")
    page.wait_for_selector("form button[type=submit]:enabled")
    page.click("form button[type=submit]")
    page.wait_for_selector(".answer-of canvas")
    checker.check(page, "compare")


def evaluated(checker: Checker, page: Page, address: str) -> None:
    page.goto(f"{address}/#/evaluate")
    page.wait_for_selector("form.evaluation")
    checker.check(page, "evaluate")
    rows = [(f"{case}/L_CC.png", case % 2, (case * 37 % 100) / 100) for case in range(60)]
    said = "image_path,malignancy\n" + "".join(f"{path},{share}\n" for path, _, share in rows)
    truth = "image_path,patient_id,laterality,view,cancer\n" + "".join(
        f"{path},p{number},L,CC,{cancer}\n" for number, (path, cancer, _) in enumerate(rows)
    )
    for place, (name, text) in enumerate((("predictions.csv", said), ("truth.csv", truth))):
        file = FilePayload(name=name, mimeType="text/csv", buffer=text.encode())
        page.locator("form.evaluation input[type=file]").nth(place).set_input_files(file)
    page.locator("form.evaluation button[type=submit]").click()
    page.wait_for_selector(".report iframe")
    page.wait_for_timeout(1500)
    checker.check(page, "evaluation report")


if __name__ == "__main__":
    sys.exit(main())
