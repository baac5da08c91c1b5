from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from evaluation_example import MODELS, estimate, evaluation
from mammoscope.evaluate import checklists, page, thumbnails, written
from mammoscope.evaluate.side_by_side import tables
from mammoscope.evaluate.wording import headline, number

VOID = {"meta", "link", "br", "img", "path", "use", "rect"}


def shown(**changes: Any) -> str:
    return page.to_html(evaluation(**changes), {})


def text(html: str) -> str:
    """What a reader sees, with single spaces."""
    body = re.sub(r"<(style|title).*?</\1>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


class Balance(HTMLParser):
    """Collects ids, and every tag that is left open or closed out of turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """All files of the example."""
    return written.write_all(evaluation(), tmp_path_factory.mktemp("report"))


@pytest.fixture
def mammogram(tmp_path: Path) -> Path:
    """A breast-like picture in a file whose name tells a patient's."""
    rows, columns = np.mgrid[:600, :480]
    inside = (columns / 300) ** 2 + ((rows - 300) / 260) ** 2 < 1
    random = np.random.default_rng(0)
    pixels = np.where(inside, 90 + random.normal(0, 12, (600, 480)), 0)
    path = tmp_path / "DOE_JANE.png"
    cv2.imwrite(str(path), pixels.clip(0, 255).astype(np.uint8))
    return path


def miss(*images: Path | str) -> dict[str, Any]:
    return {
        "model": MODELS[0], "unit": "breast", "row": "line 7: L", "kind": "missed cancer",
        "score": 0.012, "images": [str(image) for image in images],
    }  # fmt: skip


def test_the_page_opens_with_each_models_auc_and_what_it_rests_on() -> None:
    told = "AUC 0.846 (95 % 0.816 to 0.876) on 1,203 breasts of 640 patients, 154 with cancer."
    assert headline(evaluation(), MODELS[0]) == told
    assert told in text(shown())


def test_a_withheld_unit_says_why_instead() -> None:
    report = evaluation(main_unit="patient", withheld={"patient": "the set betrays it"})
    assert headline(report, MODELS[0]) == "No AUC by patient. The set betrays it."


def test_cancers_among_the_excluded_are_counted() -> None:
    told = "3 rows left out, 1 of them with cancer and 1 whose truth is not known"
    assert told in text(shown())


def test_the_page_is_well_formed_and_its_ids_are_unique(files: list[Path]) -> None:
    balance = Balance()
    balance.feed(files[0].read_text("utf-8"))
    assert balance.open == []
    assert len(set(balance.ids)) == len(balance.ids)


def test_the_page_names_no_outside_resource(files: list[Path]) -> None:
    html = files[0].read_text("utf-8")
    assert "default-src 'none'" in html
    outside = re.findall(r"(?:src|href)=\"(?!#|data:)[^\"]*", html)
    assert outside == []
    assert "<script" not in html


def test_without_pictures_the_page_says_so() -> None:
    assert "pip install 'mammoscope[evaluate]'" in text(shown()).replace("&#39;", "'")


def test_what_a_file_says_cannot_become_markup() -> None:
    html = shown(title="<script>alert(1)</script>", notes=["<b>x</b>"])
    assert "<script" not in html
    assert "<b>x" not in html


@pytest.mark.parametrize("key", ["comparisons", "confusions", "subgroups", "misses", "notes"])
def test_empty_parts_are_left_out(key: str) -> None:
    assert shown(**{key: []})


def test_absent_sections_and_curves_are_left_out() -> None:
    html = shown(sections={}, curves={}, counts=[], density_confusion=[])
    assert "No AUC by breast. It was not computed." in text(html)


def test_unfilled_items_are_named() -> None:
    said = text(shown())
    for item in (*checklists.claim(evaluation()), *checklists.tripod(evaluation())):
        assert item.asks.replace("'", "&#39;") in said


def test_models_stand_side_by_side_and_readers_apart() -> None:
    rows = [
        estimate("AUC", 0.8), estimate("AUC", 0.7, model=MODELS[1]),
        estimate("mean of the readers", 0.75, model="readers"),
    ]  # fmt: skip
    ours, readers = tables(rows, MODELS, "breast")
    ((_, (line,)),) = ours.groups
    assert set(line.figures) == set(MODELS)
    assert readers.models == ("readers",)


def test_different_cases_never_share_a_line() -> None:
    rows = [estimate("AUC", 0.8), estimate("AUC", 0.7, model=MODELS[1], n=1200)]
    ((_, lines),) = tables(rows, MODELS, "breast")[0].groups
    assert [line.n for line in lines] == [1203, 1200]


def test_the_main_unit_comes_first_under_its_heading() -> None:
    rows = [estimate(f"at 0.2: {name}", 0.5, unit=unit) for unit in ("image", "breast")
            for name in ("sensitivity", "specificity")]  # fmt: skip
    groups = tables(rows, MODELS, "breast")[0].groups
    assert [heading for heading, _ in groups] == ["At 0.2, by breast", "At 0.2, by image"]
    assert [line.name for line in groups[0][1]] == ["sensitivity", "specificity"]


def test_a_remark_on_many_lines_is_a_footnote() -> None:
    rows = [estimate(name, 0.5, note="flattering; few") for name in ("a", "b", "c")]
    (table,) = tables(rows, MODELS, "breast")
    assert table.footnotes == {"a": "flattering", "b": "few"}
    assert {(line.marks, line.notes) for line in table.groups[0][1]} == {("a b", "")}


@pytest.mark.parametrize(
    ("value", "told"),
    [(None, "–"), (0.84567, "0.846"), (-0.0001, "−0.0001"), (0.0, "0.000"), (12.34, "12.3"),
     (1234.5, "1,234"), (1.0, "1.000"), (1.32, "1.32")],
)  # fmt: skip
def test_numbers_keep_the_places_that_mean_something(value: float | None, told: str) -> None:
    assert number(value) == told


def test_no_number_is_minus_nothing() -> None:
    assert number(-0.00001, 3) == "0.000"


def test_a_thumbnail_is_small_and_grey(mammogram: Path) -> None:
    jpeg = thumbnails.thumbnail(mammogram)
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels.ndim == 2
    assert max(pixels.shape) == thumbnails.SIDE
    assert pixels.max() > 80


def test_what_cannot_be_read_is_a_tile_that_says_why(tmp_path: Path) -> None:
    tile = thumbnails.thumbnail(tmp_path / "DOE_JANE.dcm").decode()
    assert "No picture:" in tile
    assert "DOE" not in tile


def test_misses_show_their_row_and_never_the_files_name(mammogram: Path, tmp_path: Path) -> None:
    misses = [miss(mammogram, tmp_path / "DOE_JOHN.png")]
    report = evaluation(misses=misses, curves={}, subgroups=[])
    files = written.write_all(report, tmp_path / "out")
    html = files[0].read_text("utf-8")
    assert "line 7: L" in html
    assert "data:image/jpeg;base64," in html
    for file in files:
        assert "DOE" not in file.read_text("utf-8")
        assert str(tmp_path) not in file.read_text("utf-8")


def test_every_file_is_written_with_the_page_first(files: list[Path]) -> None:
    folder = files[0].parent
    assert files[0] == folder / "report.html"
    names = {file.name for file in files}
    assert {"report.json", "model_card.md", "discrimination.csv", "claim_2024.csv"} <= names
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == sorted(files)


def test_the_json_is_the_report_without_folders(tmp_path: Path) -> None:
    report = evaluation(curves={}, subgroups=[])
    report["counts"][0]["prevalence"] = float("nan")
    written.write_all(report, tmp_path)
    read = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert read["run"]["truth"]["file"] == "manifest.csv"
    assert read["counts"][0]["prevalence"] is None
    assert read["sections"] == report["sections"]


def test_tables_hold_every_number_in_full(files: list[Path]) -> None:
    folder = files[0].parent / "tables"
    with (folder / "discrimination.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["value"]) for row in rows[:2]] == [0.846, 0.752]
    with (folder / "curve_roc.csv").open(newline="") as file:
        assert {row["unit"] for row in csv.DictReader(file)} == {"breast", "image"}


def test_the_model_card_has_every_heading(files: list[Path]) -> None:
    card = (files[0].parent / "model_card.md").read_text("utf-8")
    headings = re.findall(r"^## (.*)$", card, flags=re.MULTILINE)
    assert headings == [
        "Model details", "Intended use", "Factors", "Metrics", "Evaluation data",
        "Training data", "Quantitative analyses", "Caveats and recommendations",
    ]  # fmt: skip
    assert headline(evaluation(), MODELS[0]) in card
