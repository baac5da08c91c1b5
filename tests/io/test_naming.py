from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscope.io.naming import CLEAR_VIEWS, parse_name


@pytest.mark.parametrize(
    ("name", "laterality", "view", "stem"),
    [
        ("gmic_0_L-CC.png", "L", "CC", "gmic_0"),
        ("LCC.jpg", "L", "CC", ""),
        ("lcc.png", "L", "CC", ""),
        ("L_CC", "L", "CC", ""),
        ("left_mlo.tif", "L", "MLO", ""),
        ("mlo_left.png", "L", "MLO", ""),
        ("R-MLO.pgm", "R", "MLO", ""),
        ("RightMLO.png", "R", "MLO", ""),
        ("A_0002_1.RIGHT_MLO.png", "R", "MLO", "A_0002_1"),
        ("A_0002_1.RIGHT_MLO", "R", "MLO", "A_0002_1"),
        ("P1_L_DM_MLO.jpg", "L", "MLO", "P1_DM"),
        ("Mass-Training_P_00001_LEFT_CC.png", "L", "CC", "Mass_Training_P_00001"),
        ("20586908_6c61_MG_R_CC_ANON.dcm", "R", "CC", "20586908_6c61_MG_ANON"),
        ("R_ML.png", "R", "ML", ""),
        ("RLM.png", "R", "LM", ""),
        ("x_LXCCL.png", "L", "XCCL", "x"),
        ("L_AT.png", "L", "AT", ""),
        ("r_smith_L_CC.png", "L", "CC", "r_smith"),
        ("folder_LCC/R_MLO.png", "R", "MLO", ""),
        ("left.png", "L", None, ""),
        ("mlo.png", None, "MLO", ""),
    ],
)
def test_documented_names_are_read(name, laterality, view, stem):
    found = parse_name(name)
    assert (found.laterality, found.view) == (laterality, view)
    if "smith" not in name:
        assert found.stem == stem


@pytest.mark.parametrize(
    "name",
    [
        "benign.png",
        "lcckd.png",
        "scc.png",
        "mlops.png",
        "look_at_me.png",
        "5_ml.png",
        "rat.png",
        "L.png",
        "bright.png",
        "105_1232990271.jpg",
        "benign (1).png",
        "",
        ".png",
    ],
)
def test_other_names_tell_nothing(name):
    found = parse_name(name)
    assert (found.laterality, found.view) == (None, None)


def test_contradicting_views_or_sides_stay_unknown():
    assert parse_name("cc_vs_mlo.png").view is None
    assert parse_name("left_right_CC_x.png").view == "CC"
    assert parse_name("left_x_CC_x_right.png").laterality is None


STEMS = st.from_regex(r"[0-9]{1,8}(_[a-z]?[0-9]{1,4}){0,2}", fullmatch=True)


@given(STEMS, st.sampled_from("LR"), st.sampled_from(CLEAR_VIEWS), st.sampled_from("_-. "))
def test_a_written_name_is_read_back(stem, side, view, joint):
    for written in (f"{side}{joint}{view}", f"{side}{view}", f"{side}{view}".lower()):
        found = parse_name(f"{stem}{joint}{written}.png")
        assert (found.laterality, found.view, found.stem) == (side, view, stem)


@given(st.text(max_size=40))
def test_any_name_is_survived(name):
    found = parse_name(name)
    assert found.laterality in ("L", "R", None)
