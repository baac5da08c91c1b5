from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from browser import CHROMIUM, needed
from mammoscope.data.demo_exam import demo_folder
from mammoscope.infer.classifier import Classifier
from mammoscope.infer.region import judge_region
from mammoscope.io import load_exam, scan
from mammoscope.io.naming import parse_name
from mammoscope.types import Exam, ExamReport
from mammoscope.web import tryit_words
from mammoscope.web.tryit_visit import forget, hold, take
from weights_example import predictor

region_classifier = cache(lambda: Classifier.load("region", precision="f32"))


def judge(paths: Sequence[Path]) -> list[tuple[Exam, ExamReport]]:
    exams = [load_exam(files) for files in scan(paths)]
    return [(exam, predictor()(exam)) for exam in exams]


def demo() -> list[Path]:
    return sorted(demo_folder().glob("*.png"))


def picture(path: Path, value: int = 9) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", np.full((200, 200), value, np.uint8))[1].tobytes())
    return path


def test_an_upload_keeps_side_and_view_and_loses_its_name(tmp_path: Path) -> None:
    given = [
        picture(tmp_path / "a" / "Jane_Doe_L_CC.PNG"),
        picture(tmp_path / "b" / "Jane_Doe_RMLO.png"),
    ]
    given += [picture(tmp_path / "c" / "mary_left_mlo.png"), picture(tmp_path / "d" / "scan")]
    taken = take([str(path) for path in given], tmp_path / "own")
    said = [(parse_name(path.name).laterality, parse_name(path.name).view) for path in taken]
    assert said == [("L", "CC"), ("R", "MLO"), ("L", "MLO"), (None, None)]
    assert len({parse_name(path.name).stem for path in taken}) == 3
    assert not [path for path in taken if "doe" in path.name.lower() or "mary" in path.name]
    assert not any(path.exists() for path in given)


def test_two_uploads_of_one_name_are_both_kept(tmp_path: Path) -> None:
    given = [str(picture(tmp_path / folder / "1.png")) for folder in "ab"]
    assert len({path.read_bytes() and path for path in take(given, tmp_path / "own")}) == 2


def test_what_is_held_is_on_the_disk_and_goes(tmp_path: Path) -> None:
    held = hold(judge(demo()), tmp_path / "own", {})
    kept, original = held.cases[0].exam.images[0], load_exam(scan(demo())[0]).images[0]
    np.testing.assert_array_equal(kept.pixels, original.pixels)
    forget(held)
    assert not (tmp_path / "own").exists()


def test_a_file_that_is_refused_is_told_by_its_own_name_and_harmless(tmp_path: Path) -> None:
    path = picture(tmp_path / "exam1.png")
    ((_, report),) = judge([path])
    told = tryit_words.notes(report, {str(path): "<b>mine</b>.png"})
    assert "&lt;b&gt;mine&lt;/b&gt;.png" in told
    assert str(tmp_path) not in told


def test_a_verdict_says_what_was_compared() -> None:
    ((_, report),) = judge(demo())
    told = tryit_words.verdict(report)
    assert "operating point" in told
    assert "Breast density" in told
    assert set(tryit_words.malignancies(report)) == {"Left breast", "Right breast", "Exam"}
    assert sum(tryit_words.densities(report).values()) == pytest.approx(1)


@needed
@pytest.mark.filterwarnings("ignore")  # of the frameworks' own
def test_the_page_in_a_browser(tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with served(tmp_path / "data") as address, playwright.sync_playwright() as play:
        options = ["--no-sandbox", "--disable-gpu", "--disable-quic"]
        browser = play.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}/try/")
        page.get_by_text("For research and education").wait_for()
        upload_and_refuse(page, tmp_path)
        upload_and_read(page, tmp_path)
        ask_by_number(page)
        ask_by_clicks(page)
        with page.expect_download() as download:
            page.get_by_text("Download the report").click()
        assert "Mammography report" in download.value.path().read_text("utf-8")
        browser.close()
    outside = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert outside == []
    assert not [path for path in (tmp_path / "data").rglob("*") if "Doe" in path.name]


def upload_and_refuse(page: Any, folder: Path) -> None:
    bad = folder / "Jane_Doe_notes.png"
    bad.write_text("no picture at all")
    page.locator("input[type=file]").first.set_input_files(str(bad))
    page.locator(".refused", has_text="Jane_Doe_notes.png").wait_for()


def upload_and_read(page: Any, folder: Path) -> None:
    files = [shutil.copy(path, folder / f"Jane_Doe_{path.name[5:]}") for path in demo()]
    page.locator("input[type=file]").first.set_input_files([str(file) for file in files])
    page.get_by_text("operating point").first.wait_for()
    page.get_by_role("cell", name="Jane_Doe_L-CC.png").wait_for()
    assert page.locator(".pictures .thumbnail-item").count() == 4


def ask_by_number(page: Any) -> None:
    page.get_by_role("button", name="Judge this region").click()
    page.get_by_text("when the box is moved a little").first.wait_for()


def ask_by_clicks(page: Any) -> None:
    edge = page.get_by_label("Left edge x1")
    before = edge.input_value()
    frame = page.locator(".image-frame.selectable img").first
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    frame.click(position={"x": box["width"] * 0.15, "y": box["height"] * 0.3})
    page.get_by_text("One more corner").first.wait_for()
    frame.click(position={"x": box["width"] * 0.3, "y": box["height"] * 0.45})
    page.get_by_text("when the box is moved a little").first.wait_for()
    assert edge.input_value() not in ("", before)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The page alone on a free port of this machine."""
    fastapi = pytest.importorskip("fastapi", reason="the web extra is not installed")
    pytest.importorskip("gradio", reason="the web extra is not installed")
    uvicorn = pytest.importorskip("uvicorn", reason="the web extra is not installed")
    from mammoscope.web.tryit import blocks, mount

    page = blocks(judge, lambda image, box: judge_region(image, box, region_classifier()), folder)
    app = fastapi.FastAPI()
    mount(app, page, "/try", 1 << 28)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.05)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=20)
