"""Breast, view, implant, spacing and scope, from every place in which files say them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dicom_files import code, item, write_dicom
from mammoscope.errors import RefusedError
from mammoscope.io.dicom import dicom_exam_key, read_dicom
from mammoscope.types import Mammogram

STORED = np.arange(40 * 40, dtype=np.uint16).reshape(40, 40)
BARE = {"ImageLaterality": None, "ViewPosition": None}


def read(tmp_path: Path, **elements: Any) -> Mammogram:
    return read_dicom(write_dicom(tmp_path / "a.dcm", STORED, **(BARE | elements)))


@pytest.mark.parametrize(
    ("elements", "source"),
    [
        ({"ImageLaterality": "R"}, "ImageLaterality"),
        ({"Laterality": "R"}, "Laterality"),
        ({"FrameLaterality": "R", "ImageLaterality": "R"}, "FrameLaterality"),
        (
            {
                "AnatomicRegionSequence": code(
                    "76752008", AnatomicRegionModifierSequence=code("24028007")
                )
            },
            "AnatomicRegionSequence",
        ),
        ({"ViewPosition": "RMLO"}, "ViewPosition"),
        ({"PatientOrientation": ["P", "L"]}, "PatientOrientation"),
        ({"PatientOrientation": ["A", "FL"]}, "PatientOrientation"),
        ({"SeriesDescription": "R CC"}, "SeriesDescription"),
        ({"ProtocolName": "Right MLO"}, "ProtocolName"),
        ({"ImageLaterality": "U", "Laterality": "R"}, "Laterality"),
    ],
)
def test_laterality_is_found(tmp_path: Path, elements: dict[str, Any], source: str) -> None:
    image = read(tmp_path, **elements)
    assert (image.laterality, image.provenance["laterality"]) == ("R", source)


def test_unknown_laterality_and_view_stay_unknown(tmp_path: Path) -> None:
    image = read(tmp_path, ImageLaterality="B", SeriesDescription="LUMPS, RIGHTLY NOTED")
    assert (image.laterality, image.view) == (None, None)


def test_contradicting_lateralities_are_warned_of(tmp_path: Path) -> None:
    image = read(tmp_path, ImageLaterality="L", Laterality="R")
    assert image.laterality == "L"
    assert "contradict" in image.warnings[0]


@pytest.mark.parametrize(
    ("value", "scheme", "view"),
    [
        ("399162004", "SCT", "CC"),
        ("R-10226", "SRT", "MLO"),
        ("R-10224", "SNM3", "ML"),
        ("399352003", "SCT", "LM"),
        ("R-1024A", "SRT", "XCCL"),
        ("399101009", "SCT", "XCCM"),
        ("399196006", "SCT", "FB"),
        ("399188001", "SCT", "SIO"),
    ],
)
def test_view_codes(tmp_path: Path, value: str, scheme: str, view: str) -> None:
    image = read(tmp_path, ViewCodeSequence=code(value, scheme))
    assert (image.view, image.provenance["view"]) == (view, "ViewCodeSequence")


@pytest.mark.parametrize(
    ("value", "modifier"),
    [
        ("399055006", "spot"),
        ("R-102D6", "magnification"),
        ("399209000", "implant displaced"),
        ("R-102D3", "rolled lateral"),
        ("399226006", "rolled medial"),
        ("399161006", "cleavage"),
        ("R-102C2", "tangential"),
        ("399011000", "axillary tail"),
    ],
)
def test_view_modifiers_inside_and_beside_the_view_code(
    tmp_path: Path, value: str, modifier: str
) -> None:
    inside = code("399162004", ViewModifierCodeSequence=code(value))
    assert read(tmp_path, ViewCodeSequence=inside).view_modifiers == (modifier,)
    beside = read(tmp_path, ViewPosition="CC", ViewModifierCodeSequence=code(value))
    assert beside.view_modifiers == (modifier,)


@pytest.mark.parametrize(
    ("text", "view", "modifiers"),
    [
        ("CC", "CC", ()),
        ("MLO", "MLO", ()),
        ("LMLO", "MLO", ()),
        ("XCCL", "XCCL", ()),
        ("CCID", "CC", ("implant displaced",)),
        ("MLO SPOT", "MLO", ("spot",)),
        ("AT", "AT", ()),
        ("LMO", "LMO", ()),
    ],
)
def test_view_position_texts(
    tmp_path: Path, text: str, view: str, modifiers: tuple[str, ...]
) -> None:
    image = read(tmp_path, ViewPosition=text)
    assert (image.view, image.view_modifiers) == (view, modifiers)
    assert image.provenance["view"] == "ViewPosition"


def test_contradicting_views_are_warned_of(tmp_path: Path) -> None:
    image = read(tmp_path, ViewPosition="MLO", ViewCodeSequence=code("399162004"))
    assert image.view == "CC"
    assert "contradict" in image.warnings[0]


def test_specimens_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="specimen"):
        read(tmp_path, ViewCodeSequence=code("127457009"))


@pytest.mark.parametrize(
    ("elements", "implant"),
    [
        ({"BreastImplantPresent": "YES"}, True),
        ({"BreastImplantPresent": "NO"}, False),
        ({"ViewPosition": "CCID"}, True),
        ({}, None),
    ],
)
def test_implants(tmp_path: Path, elements: dict[str, Any], implant: bool | None) -> None:
    assert read(tmp_path, **elements).implant is implant


@pytest.mark.parametrize(
    ("elements", "spacing"),
    [
        ({"ImagerPixelSpacing": [0.1, 0.07]}, (0.1, 0.07)),
        (
            {
                "ImagerPixelSpacing": [0.1, 0.1],
                "EstimatedRadiographicMagnificationFactor": 1.25,
            },
            (0.08, 0.08),
        ),
        (
            {
                "ImagerPixelSpacing": [0.1, 0.1],
                "PixelSpacing": [0.06, 0.06],
                "EstimatedRadiographicMagnificationFactor": 1.6,
            },
            (0.06, 0.06),
        ),
        (
            {
                "ImagerPixelSpacing": [0.1, 0.1],
                "PixelSpacing": [0.1, 0.1],
                "EstimatedRadiographicMagnificationFactor": 1.25,
            },
            (0.08, 0.08),
        ),
        ({"PixelSpacing": [0.05, 0.05]}, (0.05, 0.05)),
        ({"NominalScannedPixelSpacing": [0.05, 0.05]}, (0.05, 0.05)),
        ({}, None),
    ],
)
def test_spacing(
    tmp_path: Path, elements: dict[str, Any], spacing: tuple[float, float] | None
) -> None:
    found = read(tmp_path, **elements).spacing_mm
    assert found == pytest.approx(spacing) if spacing else found is None


@pytest.mark.parametrize("values", [[0, 0.1], [-0.1, -0.1], [0.1]])
def test_impossible_spacing_is_ignored_with_a_warning(tmp_path: Path, values: list[float]) -> None:
    image = read(tmp_path, ImagerPixelSpacing=values)
    assert image.spacing_mm is None
    assert any("Imager Pixel Spacing" in warning for warning in image.warnings)


@pytest.mark.parametrize("modality", ["US", "CT", "MR", "SR", "PR", "XA"])
def test_other_modalities_are_refused(tmp_path: Path, modality: str) -> None:
    with pytest.raises(RefusedError, match=rf"Modality \(0008,0060\) is {modality}"):
        read(tmp_path, Modality=modality)


@pytest.mark.parametrize("modality", ["CR", "DX", "RG", "OT", None])
def test_related_modalities_are_read_with_a_warning(tmp_path: Path, modality: str | None) -> None:
    image = read(tmp_path, Modality=modality)
    assert "not MG" in image.warnings[0]
    assert "taken for a mammogram" in image.provenance["modality"]


@pytest.mark.parametrize(
    ("elements", "named"),
    [
        ({"BodyPartExamined": "CHEST"}, "0018,0015"),
        ({"Modality": "DX", "BodyPartExamined": "CHEST"}, "0018,0015"),
        ({"Modality": "CR", "BodyPartExamined": None, "ViewPosition": "PA"}, "0018,5101"),
    ],
)
def test_other_body_parts_are_refused(tmp_path: Path, elements: dict[str, Any], named: str) -> None:
    with pytest.raises(RefusedError, match=named):
        read(tmp_path, **elements)


def test_frame_level_tags_of_tomosynthesis(tmp_path: Path) -> None:
    stored = np.stack([STORED + i for i in range(5)])
    frame = item(
        FrameAnatomySequence=item(FrameLaterality="R"),
        PixelMeasuresSequence=item(PixelSpacing=[0.09, 0.09]),
    )
    path = write_dicom(
        tmp_path / "a.dcm",
        stored,
        frames=5,
        WindowCenter=2048,
        WindowWidth=4096,
        SharedFunctionalGroupsSequence=frame,
        **BARE,
    )
    image = read_dicom(path)
    assert (image.laterality, image.spacing_mm) == ("R", (0.09, 0.09))
    assert image.provenance["frame"].startswith("3 of 5")
    assert "5 frames" in image.warnings[0]
    np.testing.assert_array_equal(image.pixels, np.rint(stored[2] / 4095 * 65535))


def test_exam_key_is_shared_within_patient_and_study_and_holds_no_name(tmp_path: Path) -> None:
    first = read(tmp_path)
    assert first.exam_key == dicom_exam_key(tmp_path / "a.dcm")
    assert first.exam_key is not None
    assert len(first.exam_key) == 16
    assert read(tmp_path, ViewPosition="MLO").exam_key == first.exam_key
    assert read(tmp_path, StudyInstanceUID="1.2.9").exam_key != first.exam_key
    assert read(tmp_path, PatientID="OTHER").exam_key != first.exam_key
    assert read(tmp_path, PatientID=None, StudyInstanceUID=None).exam_key is None
    assert "SECRET" not in str(first.provenance) + str(first.warnings)
