from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mammoscope.errors import ConfigError
from mammoscope.outputs import schema, to_dict, write_json
from mammoscope.types import BreastReport, Finding, Position
from report_example import (
    LESION,
    exam_report,
    image_report,
    marked_image,
    placed_pair,
    refused_image,
    ultrasound_image,
    unread_file,
)

KINDS = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "boolean": bool,
    "integer": int,
    "null": type(None),
}


def check(value: Any, rule: dict[str, Any], where: str = "report") -> None:
    """Hold a value to the part of JSON Schema that report.schema.json uses."""
    if "$ref" in rule:
        rule = schema()["$defs"][rule["$ref"].removeprefix("#/$defs/")]
    assert value in rule.get("enum", [value]), where
    assert value == rule.get("const", value), where
    kinds = rule.get("type", list(KINDS))
    kinds = kinds if isinstance(kinds, list) else [kinds]
    assert isinstance(value, tuple(KINDS[kind] for kind in kinds if kind != "number")) or (
        "number" in kinds and type(value) in (int, float)
    ), f"{where}: {value!r}"
    if isinstance(value, dict):
        assert set(rule["required"]) <= set(value) <= set(rule["properties"]), where
        for key, inner in value.items():
            check(inner, rule["properties"][key], f"{where}.{key}")
    elif isinstance(value, list):
        assert rule.get("minItems", 0) <= len(value) <= rule.get("maxItems", len(value)), where
        for inner in value:
            check(inner, rule["items"], f"{where}[]")
    elif type(value) in (int, float):
        assert rule.get("minimum", value) <= value <= rule.get("maximum", value), where


@pytest.mark.parametrize(
    "report",
    [
        exam_report(),
        exam_report(image_report("L", "MLO")),
        exam_report(refused_image(), unread_file()),
        exam_report(marked_image(), ultrasound_image()),
        exam_report(*placed_pair()),
    ],
    ids=["full", "one view", "nothing judged", "classifiers", "positions"],
)
def test_every_report_keeps_to_the_schema(report: Any) -> None:
    check(to_dict(report), schema())


def test_what_the_design_names_is_there() -> None:
    found = to_dict(exam_report())
    assert list(found) == ["schema_version", "model", "exam", "breasts", "images"]
    assert found["exam"]["flag"] is True
    assert found["exam"]["operating_point"]["name"] == "bcsc_sensitivity"
    assert found["images"][1]["findings"][0]["box_px"] == [470.0, 690.0, 690.0, 910.0]
    assert found["images"][1]["findings"][0]["box_mm"] == [47.0, 69.0, 69.0, 91.0]


def test_how_sure_it_is_stands_with_every_probability() -> None:
    report = exam_report()
    found = to_dict(report)
    assert found["exam"]["not_sure"] == {"low": 0.2, "high": 0.7, "alpha": 0.1}
    assert (found["exam"]["sure"], found["breasts"]["R"]["sure"]) == (False, True)
    for part in (found["exam"], *found["breasts"].values(), found["images"][0]):
        low, high = part["malignancy_interval"]
        assert low < part["malignancy"] < high


def test_weights_that_do_not_tell_how_sure_they_are_give_null() -> None:
    image = replace(image_report("L", "CC"), malignancy_interval=None)
    bare = BreastReport(0.07)
    report = replace(
        exam_report(image), breasts={"L": bare}, malignancy_interval=None, sure=None, not_sure=None
    )
    found = to_dict(report)
    check(found, schema())
    assert found["exam"]["malignancy_interval"] is found["exam"]["sure"] is None
    assert found["exam"]["not_sure"] is found["breasts"]["L"]["sure"] is None


def test_a_position_says_what_is_known_and_null_for_the_rest() -> None:
    cc, mlo = placed_pair()
    image = to_dict(exam_report(cc, mlo))["images"][0]
    assert image["nipple"] == {"point_px": [1150.0, 1000.0], "error_px": 40.0, "wall_px": [0, 1000]}
    assert image["findings"][0]["position"] == {
        "nipple_mm": 60.5,
        "depth": "middle",
        "quadrant": "upper outer",
        "clock": 2,
        "match": {"image": 1, "finding": 0},
    }
    one = exam_report(replace(cc, findings=(Finding(LESION, 0.7, position=Position()),)))
    check(to_dict(one), schema())
    assert set(to_dict(one)["images"][0]["findings"][0]["position"].values()) == {None}
    assert to_dict(exam_report(image_report("L", "CC")))["images"][0]["nipple"] is None


def test_classifiers_speak_for_themselves() -> None:
    marked, echo = to_dict(exam_report(marked_image(), ultrasound_image()))["images"]
    assert echo["ultrasound"]["classes"][0] == {"name": "normal", "probability": 0.08}
    assert echo["ultrasound"]["model"]["name"] == "echo-lite0"
    assert echo["ultrasound"]["flag"] is True
    assert [region["malignancy"] for region in marked["regions"]] == [0.2, 0.2]
    assert marked["regions"][1]["box_px"] == [10.0, 20.0, 110.0, 120.0]
    assert (marked["ultrasound"], echo["regions"]) == (None, [])


def test_absent_values_are_null_and_both_breasts_are_there() -> None:
    found = to_dict(exam_report(refused_image()))
    nothing = dict.fromkeys(("malignancy", "malignancy_interval", "sure", "density"))
    assert found["breasts"] == dict.fromkeys("LR", nothing)
    assert found["exam"]["malignancy"] is found["exam"]["flag"] is None
    assert found["images"][0]["refused"].startswith("This is a page of text")


def test_written_file_holds_what_to_dict_gives_whatever_the_path(tmp_path: Path) -> None:
    image = replace(image_report("R", "CC"), path="Brüste/\udcff <1>.dcm")
    report = exam_report(image)
    written = write_json(report, tmp_path / "new folder" / "report.json")
    assert json.loads(written.read_text("utf-8")) == to_dict(report)
    assert [file.name for file in written.parent.iterdir()] == ["report.json"]


def test_nan_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    path = write_json(exam_report(), tmp_path / "report.json")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        write_json(replace(exam_report(), malignancy=float("nan")), path)
    assert path.read_bytes() == before


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_json(exam_report(), tmp_path / "file" / "report.json")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
