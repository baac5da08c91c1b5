from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest

from classifier_example import REGION, ULTRASOUND, write_classifier
from mammoscope import cli
from mammoscope.cli_results import Row, print_rows
from mammoscope.data.demo_exam import demo_folder
from pictures import ultrasound
from report_example import exam_report

pytestmark = pytest.mark.usefixtures("command_line")

FILM = str(demo_folder() / "demo_R-CC.png")


@pytest.fixture
def echo(tmp_path: Path) -> str:
    """An ultrasound picture."""
    cv2.imwrite(str(tmp_path / "echo.png"), ultrasound())
    return str(tmp_path / "echo.png")


@pytest.fixture
def weights(tmp_path: Path) -> list[str]:
    """Options that name weights of both classifiers."""
    region = write_classifier(tmp_path / "w" / "rg", "region", REGION)
    other = write_classifier(tmp_path / "w" / "us", "ultrasound", ULTRASOUND)
    return ["--region-weights", str(region), "--ultrasound-weights", str(other)]


def predict(*words: str) -> int:
    return cli.main(["predict", *words])


def only_image(out: str) -> dict[str, Any]:
    (image,) = json.loads(out)["images"]
    return dict(image)


def test_regions_are_answered_in_order(
    weights: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--region", "700,500,900,700", "--region", "20.5,30,120,130"]
    assert predict(FILM, "--json", *asked, *weights) == 0
    image = only_image(capsys.readouterr().out)
    assert [region["box_px"] for region in image["regions"]] == [
        [700, 500, 900, 700],
        [20.5, 30, 120, 130],
    ]
    assert image["malignancy"] is not None


def test_results_hold_regions_and_the_table_tells_them(
    weights: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert predict(FILM, "--out", str(out), "--region", "700,500,900,700", *weights) == 0
    assert "region 700,500,900,700, benign (benign 0." in capsys.readouterr().out
    assert "Region 1 of R CC" in next(out.rglob("report.html")).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("region", "told"),
    [
        ("900,500,700,700", "1040 pixels wide and 1280 high, and region 900,500,700,700"),
        ("0,0,5000,50", "reaches outside"),
        ("-4,0,50,50", "reaches outside"),
        ("7,7,7,90", "empty"),
        ("1,2,3", "not four numbers"),
        ("a,b,c,d", "not four numbers"),
        ("", "not four numbers"),
    ],
)
def test_an_impossible_region_is_a_usage_error(
    weights: list[str], region: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(FILM, "--json", f"--region={region}", *weights) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in captured.err


def test_regions_of_several_images_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert predict(str(demo_folder()), "--json", "--region", "0,0,50,50") == 2
    assert predict(FILM, FILM, "--json", "--region", "0,0,50,50") == 2
    assert "one image" in capsys.readouterr().err


def test_ultrasound_is_told_apart(
    echo: str, weights: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(echo, "--out", str(tmp_path / "out"), *weights) == 0
    assert "ultrasound, " in capsys.readouterr().out
    page = next((tmp_path / "out").rglob("report.html")).read_text(encoding="utf-8")
    assert "Breast ultrasound report" in page
    assert len(list((tmp_path / "out").rglob("*.png"))) == 1


def test_a_region_of_ultrasound_is_not_answered(
    echo: str, weights: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(echo, "--json", "--region", "0,0,50,50", *weights) == 1
    assert "leave out --region" in capsys.readouterr().err


def test_the_weights_that_ship_answer_for_ultrasound_and_for_a_region(
    echo: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(echo, "--json") == 0
    told = only_image(capsys.readouterr().out)["ultrasound"]
    assert [one["name"] for one in told["classes"]] == ["normal", "benign", "malignant"]
    assert predict(FILM, "--json", "--region", "750,550,900,700") == 0
    regions = only_image(capsys.readouterr().out)["regions"]
    assert [one["name"] for one in regions[0]["classes"]] == ["benign", "malignant"]


def test_wrong_weights_are_told_before_any_file_is_read(
    echo: str, weights: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(echo, "--json", "--ultrasound-weights", weights[1]) == 2
    assert predict(FILM, "--json", "--region", "0,0,50,50", "--region-weights", weights[3]) == 2
    assert capsys.readouterr().out == ""


def test_the_table_tells_the_interval_and_whether_it_is_sure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = exam_report()
    sure = replace(report, sure=True)
    print_rows([Row.of(report, None), Row.of(sure, None)])
    first, second, sentence = capsys.readouterr().out.splitlines()[1:]
    assert first.split()[1:5] == ["0.570", "(0.46-0.66)", "FLAGGED", "no"]
    assert second.split()[4] == "yes"
    assert sentence.startswith("not sure: neither a cancer nor its absence")
    assert sentence.endswith("an error of 10%.")


def test_nothing_is_said_of_being_sure_where_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([Row.of(replace(exam_report(), sure=True), None)])
    assert "not sure" not in capsys.readouterr().out


def test_weights_that_tell_no_interval_show_the_probability_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bare = replace(exam_report(), malignancy_interval=None, sure=None, not_sure=None)
    print_rows([Row.of(bare, None)])
    row = capsys.readouterr().out.splitlines()[1].split()
    assert row[1:4] == ["0.570", "FLAGGED", "-"]
