from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from evaluation_example import MODELS, evaluation

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

from mammoscope.evaluate import figures

NAMES = {
    "roc_breast", "roc_image", "precision_recall_breast", "reliability_breast", "decision_breast",
    "triage_breast", "froc_image_all_lesions", "froc_image_mass", "subgroups_breast_density",
    "subgroups_breast_machine",
}  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def drawn() -> dict[str, bytes]:
    return figures.draw(evaluation())


def test_there_is_a_picture_of_each_kind_unit_and_group(drawn: dict[str, bytes]) -> None:
    assert set(drawn) == NAMES


def test_every_picture_says_what_it_shows_and_of_which_unit(drawn: dict[str, bytes]) -> None:
    for name, svg in drawn.items():
        title = ET.fromstring(svg).findtext(f"{SVG}title")
        assert title is not None
        assert f"unit {name.removeprefix('precision_').split('_')[1]}" in title


def two() -> dict[str, Any]:
    """A report with a ROC curve and a forest plot, for tests that draw once more."""
    report = evaluation()
    roc = [curve for curve in report["curves"]["roc"] if curve["unit"] == "breast"]
    rows = [row for row in report["subgroups"] if row["group"] == "machine"]
    return {**report, "curves": {"roc": roc}, "subgroups": rows}


def test_the_same_numbers_give_the_same_bytes(drawn: dict[str, bytes]) -> None:
    again = figures.draw(two())
    assert again == {name: drawn[name] for name in ("roc_breast", "subgroups_breast_machine")}


def test_the_users_own_style_changes_nothing(drawn: dict[str, bytes]) -> None:
    import matplotlib as mpl

    with mpl.rc_context({"lines.linewidth": 9, "font.size": 20}):
        assert figures.draw(two())["roc_breast"] == drawn["roc_breast"]
        assert mpl.rcParams["font.size"] == 20


def test_legends_tell_the_figure_of_the_unit_that_is_drawn(drawn: dict[str, bytes]) -> None:
    assert f"{MODELS[0]}: AUC 0.846 (0.816 to 0.876)" in drawn["roc_breast"].decode()
    assert f"{MODELS[0]}: AUC 0.821 (0.791 to 0.851)" in drawn["roc_image"].decode()


def test_models_differ_in_their_dashes_too(drawn: dict[str, bytes]) -> None:
    assert "stroke-dasharray" in drawn["roc_breast"].decode()
    one = evaluation(models=MODELS[:1], subgroups=[])
    one["curves"] = {"roc": one["curves"]["roc"][:1]}
    assert "stroke-dasharray" not in figures.draw(one)["roc_breast"].decode()


def test_small_groups_are_hollow(drawn: dict[str, bytes]) -> None:
    assert drawn["subgroups_breast_machine"].count(b"fill: #ffffff; stroke: #0072b2") == 1


@pytest.mark.parametrize("kind", ["reliability", "decision", "triage", "froc"])
def test_undefined_points_leave_a_gap(kind: str) -> None:
    report = evaluation(subgroups=[])
    curve: dict[str, Any] = report["curves"][kind][0]
    for key in ("y", "low", "high"):
        curve[key][3] = None
    report["curves"] = {kind: [curve]}
    (svg,) = figures.draw(report).values()
    assert b"nan" not in svg.lower()


def test_a_group_without_an_auc_keeps_its_name() -> None:
    report = evaluation(curves={})
    report["subgroups"] = [{**report["subgroups"][0], "value": None, "low": None, "high": None}]
    (svg,) = figures.draw(report).values()
    assert b"12 of 84" in svg


def test_nothing_to_draw_gives_nothing() -> None:
    assert figures.draw(evaluation(curves={}, subgroups=[])) == {}
