"""DMID in its layout, with invented lines, masks and reports."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest

pytest.importorskip("pandas")

from mammoscope.data.manifest import make_manifest
from mammoscope.data.source import Tables
from mammoscope.data.sources.dmid import SOURCE
from mammoscope.errors import ConfigError

INFO = """\
Reference number of the image, view, tissue, abnormality, class, x, y, radius

IMG801 MLOLT G CIRC M 30 20 6
IMG802 CCRT F NORM
IMG803 CCLT D SPIC+CALC B 40 25 5
IMG803 CCLT D ARCH B 20 60 4
IMG804 CCRT F CIRC B 10
"""


def picture(*spots: tuple[int, int]) -> bytes:
    pixels = np.zeros((100, 80, 4), np.uint8)
    pixels[..., 3] = 255
    for x, y in spots:
        pixels[y - 4 : y + 5, x - 4 : x + 5, :3] = 255
    return imagecodecs.tiff_encode(pixels, photometric="rgb")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Info.txt").write_text(INFO)
    for name in ("TIFF Images", "ROI Masks", "Reports", "Pixel-level annotation"):
        (tmp_path / name / name).mkdir(parents=True)
    for number in (801, 802, 803):
        (tmp_path / "TIFF Images" / "TIFF Images" / f"IMG{number}.tif").write_bytes(picture())
        name = f"IMG{number}.tif"
        (tmp_path / "Pixel-level annotation" / "Pixel-level annotation" / name).touch()
    masks = tmp_path / "ROI Masks" / "ROI Masks"
    (masks / "IMG801.tif").write_bytes(picture((30, 20)))
    (masks / "IMG803.tif").write_bytes(picture((40, 25), (20, 60)))
    report = "Breast composition: ACR C\nIMPRESSION\nBIRADS: 4a\n"
    (tmp_path / "Reports" / "Reports" / "Img801.txt").write_text(report)
    return tmp_path


def read(folder: Path, **options: str) -> Tables:
    tables = SOURCE.read(folder, options)
    images = tables.images.assign(dataset="dmid", modality="mammography")
    manifest = make_manifest(folder, images, tables.findings)
    return Tables(manifest.images, manifest.findings, tables.notes)


def box(tables: Tables, row: int) -> list[str]:
    return tables.findings.loc[row, ["x1_px", "y1_px", "x2_px", "y2_px"]].tolist()


def test_lines_are_read_and_odd_ones_counted(folder):
    tables = read(folder)
    assert tables.images["patient_id"].tolist() == ["IMG801", "IMG802", "IMG803"]
    assert tables.images["laterality"].tolist() == ["L", "R", "L"]
    assert tables.findings["kind"].tolist() == ["mass", "mass", "distortion"]
    assert "1 lines are not as published and were left out." in tables.notes


def test_class_is_no_pathology_unless_asked_for(folder):
    assert set(read(folder).images["cancer"]) == {""}
    images = read(folder, classes="pathology").images
    assert images["pathology"].tolist() == ["malignant", "normal", "benign"]
    assert images["cancer"].tolist() == ["1", "0", "0"]


def test_report_gives_density_and_birads(folder):
    images = read(folder).images
    assert images["density"].tolist() == ["C", "", ""]
    assert images["birads"].tolist() == ["4", "", ""]


def test_masks_tell_that_y_starts_at_the_top(folder):
    tables = read(folder)
    assert any("start at the top" in note for note in tables.notes)
    assert box(tables, 0) == ["24", "14", "36", "26"]


def test_masks_tell_that_y_starts_at_the_bottom(folder):
    text = INFO.replace("30 20 6", "30 80 6").replace("40 25 5", "40 75 5")
    (folder / "Info.txt").write_text(text)
    assert box(read(folder), 0) == ["24", "14", "36", "26"]


def test_without_masks_circles_have_no_place_unless_the_axis_is_given(folder):
    for path in (folder / "ROI Masks").rglob("*.tif"):
        path.unlink()
    assert box(read(folder), 0) == [""] * 4
    assert box(read(folder, y_axis="bottom"), 0) == ["24", "74", "36", "86"]


def test_mask_of_several_lesions_is_no_ones_own(folder):
    findings = read(folder).findings
    assert findings["outline"].tolist() == ["mask", "circle", "circle"]
    assert findings["mask_path"][0].startswith("ROI Masks/")


def test_table_saved_as_csv_is_read_too(folder):
    (folder / "Info.txt").rename(folder / "Metadata.csv")
    table = folder / "Metadata.csv"
    table.write_text(INFO.replace(" ", ","))
    assert len(read(folder).images) == 3


def test_folder_without_the_table_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"Info\.txt"):
        read(tmp_path)
