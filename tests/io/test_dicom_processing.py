"""For Processing images: converted by the documented rule, and never called For Presentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dicom_files import MG_PROCESSING, write_dicom
from mammoscope.io.dicom import read_dicom

Y, X = np.mgrid[0:96, 0:80]
THICKNESS = np.clip(1 - np.hypot(Y - 48, X) / 45, 0, None) ** 0.5
EXPOSURE = 12000 * np.exp(-3 * THICKNESS)
FLAGS: dict[str, Any] = {
    "PresentationIntentType": "FOR PROCESSING",
    "SOPClassUID": MG_PROCESSING,
    "BitsStored": 14,
    "HighBit": 13,
}
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "linear": (
        EXPOSURE,
        {"PixelIntensityRelationship": "LIN", "PixelIntensityRelationshipSign": 1},
    ),
    "monochrome1 alone": (EXPOSURE, {"PhotometricInterpretation": "MONOCHROME1"}),
    "turned over": (12000 - EXPOSURE, {"PixelIntensityRelationshipSign": -1}),
    "logarithm": (
        4000 - 1000 * 3 * THICKNESS,
        {"PixelIntensityRelationship": "LOG", "PixelIntensityRelationshipSign": 1},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_thicker_is_brighter_and_air_is_black(tmp_path: Path, case: str) -> None:
    stored, elements = CASES[case]
    path = write_dicom(tmp_path / "a.dcm", stored.astype(np.uint16), **(FLAGS | elements))
    pixels = read_dicom(path).pixels.astype(float) / 65535
    assert pixels[THICKNESS == 0].max() < 0.01
    breast = THICKNESS > 0.05
    assert np.corrcoef(pixels[breast], THICKNESS[breast])[0, 1] > 0.97
    assert pixels.max() == 1


@pytest.mark.parametrize("without", ["PresentationIntentType", "SOPClassUID"])
def test_is_flagged_by_intent_or_by_class(tmp_path: Path, without: str) -> None:
    elements = FLAGS | {without: None}
    image = read_dicom(write_dicom(tmp_path / "a.dcm", EXPOSURE.astype(np.uint16), **elements))
    assert image.presentation == "processing"
    assert any("For Processing" in warning for warning in image.warnings)
    assert "For Processing" in image.provenance["voi"]


def test_for_presentation_is_flagged(tmp_path: Path) -> None:
    image = read_dicom(write_dicom(tmp_path / "a.dcm", EXPOSURE.astype(np.uint16), bits=16))
    assert image.presentation == "presentation"
