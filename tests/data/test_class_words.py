from __future__ import annotations

import pytest

from mammoscope.data.class_words import Meaning, meaning, renames, together
from mammoscope.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "cancer", "pathology"),
    [
        ("Malignant", "1", "malignant"),
        ("benign_without_callback", "0", "benign"),
        ("normal", "0", "normal"),
        ("Cancer", "1", "malignant"),
        ("Density2Malignant", "1", "malignant"),
        ("no cancer", "0", ""),
        ("Non-Cancer", "0", ""),
        ("noncancer", "0", ""),
        ("non_malignant", "0", ""),
        ("cancer-free", "0", ""),
        ("abnormal", "", ""),
        ("benign or malignant", "", ""),
        ("suspicious for malignancy", "", ""),
        ("probably benign", "", ""),
        ("not benign", "", ""),
        ("positive", "", ""),
        ("1", "", ""),
    ],
)
def test_cancer_is_read_only_where_it_is_said(name: str, cancer: str, pathology: str) -> None:
    found = meaning(name)
    assert (found.cancer, found.pathology) == (cancer, pathology)


@pytest.mark.parametrize(
    ("name", "density"),
    [("density A", "A"), ("Density_d", "D"), ("Density3Benign", "C"), ("dense", ""), ("A", "")],
)
def test_density(name: str, density: str) -> None:
    assert meaning(name).density == density


@pytest.mark.parametrize(
    ("name", "birads"), [("BI-RADS 4a", "4"), ("birads_5", "5"), ("Bi-Rads 12", ""), ("4", "")]
)
def test_birads_is_no_pathology(name: str, birads: str) -> None:
    assert meaning(name) == Meaning(birads=birads)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Mass", "mass"),
        ("microcalcifications", "calcification"),
        ("architectural distortion", "distortion"),
        ("focal_asymmetry", "asymmetry"),
        ("mass with calcification", ""),
        ("lesion", ""),
    ],
)
def test_kind(name: str, kind: str) -> None:
    assert meaning(name).kind == kind


def test_an_image_is_no_cancer_only_if_all_its_findings_are_none() -> None:
    benign, dumb = meaning("benign"), meaning("mass")
    assert together([benign, benign]).cancer == "0"
    assert together([benign, dumb]).cancer == ""
    assert together([]).cancer == ""


def test_one_cancer_makes_an_image_one() -> None:
    found = together([meaning("benign"), meaning("cancer"), meaning("mass")])
    assert (found.cancer, found.pathology) == ("1", "malignant")


def test_names_for_classes_are_pairs() -> None:
    assert renames("0:no cancer, 1:malignant") == {"0": "no cancer", "1": "malignant"}
    with pytest.raises(ConfigError, match="write it as"):
        renames("malignant")
