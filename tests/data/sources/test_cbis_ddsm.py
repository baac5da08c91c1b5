"""CBIS-DDSM: the official tables, and its three folder layouts with invented findings."""

from __future__ import annotations

import csv
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from dicom_files import write_dicom

pytest.importorskip("pandas")

from mammoscope.data.manifest import make_manifest
from mammoscope.data.source import Tables
from mammoscope.data.sources.cbis_ddsm import SOURCE
from mammoscope.errors import ConfigError

NAMES = (
    "patient_id,breast_density,left or right breast,image view,abnormality id,abnormality type,"
    "mass shape,mass margins,assessment,pathology,subtlety,image file path,"
    "cropped image file path,ROI mask file path"
)
HEADER = next(csv.reader([NAMES]))
IMAGE, SERIES = "1.3.6.1.4.1.9590.100.1.2.700012345", "1.3.6.1.4.1.9590.100.1.2.700067890"
CASE = "Mass-Training_P_90001_LEFT_CC"
FILM = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)
CROP = (FILM[:40, :40] % 200).astype(np.uint8)


def mask(height: int = 64, width: int = 48) -> np.ndarray:
    picture = np.zeros((height, width), np.uint8)
    picture[20:44, 8:32] = 255
    return picture


def row(**changed: str) -> dict[str, str]:
    values = ["P_90001", "2", "LEFT", "CC", "1", "mass", "OVAL", "N/A", "4", "MALIGNANT", "3"]
    values += [
        f"{CASE}/1.3.6.1.4.1.9590.100.1.2.1/{IMAGE}/000000.dcm",
        f"{CASE}_1/1.3.6.1.4.1.9590.100.1.2.2/{SERIES}/000000.dcm",
        f"{CASE}_1/1.3.6.1.4.1.9590.100.1.2.2/{SERIES}/000001.dcm\n",
    ]
    return dict(zip(HEADER, values, strict=True)) | changed


def write_table(folder: Path, rows: list[dict[str, str]], part: str = "train") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"mass_case_description_{part}_set.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jpg":
        eight = pixels if pixels.dtype == np.uint8 else (pixels >> 4).astype(np.uint8)
        path.write_bytes(imagecodecs.jpeg_encode(eight, level=90))
    else:
        write_dicom(path, pixels, bits=8 * pixels.dtype.itemsize)


def first_release(folder: Path, crop: np.ndarray, roi: np.ndarray) -> str:
    write(folder / row()["image file path"], FILM)
    write(folder / row()["cropped image file path"], crop)
    write(folder / row()["ROI mask file path"].strip(), roi)
    return row()["ROI mask file path"].strip()


def retriever(folder: Path, crop: np.ndarray, roi: np.ndarray) -> str:
    root = Path("CBIS-DDSM")
    film = root / CASE / "07-20-2016-DDSM-NA-00001" / "1.000000-full mammogram images-12345"
    lesion = root / f"{CASE}_1" / "07-20-2016-DDSM-NA-00002" / "1.000000-ROI mask images-67890"
    write(folder / film / "1-1.dcm", FILM)
    write(folder / lesion / "1-1.dcm", crop)
    write(folder / lesion / "1-2.dcm", roi)
    return (lesion / "1-2.dcm").as_posix()


def jpegs(folder: Path, crop: np.ndarray, roi: np.ndarray) -> str:
    write(folder / "jpeg" / IMAGE / "1-163.jpg", FILM)
    write(folder / "jpeg" / SERIES / "1-208.jpg", crop)
    write(folder / "jpeg" / SERIES / "2-241.jpg", roi)
    return f"jpeg/{SERIES}/2-241.jpg"


def read(folder: Path, **options: str) -> Tables:
    tables = SOURCE.read(folder, options)
    images = tables.images.assign(dataset="cbis_ddsm", modality="mammography")
    manifest = make_manifest(folder, images, tables.findings)
    return Tables(manifest.images, manifest.findings, tables.notes)


@pytest.mark.parametrize("layout", [first_release, retriever, jpegs])
def test_image_and_mask_are_found_in_every_layout(layout, tmp_path):
    write_table(tmp_path / "csv", [row()])
    expected = layout(tmp_path, CROP, mask())
    tables = read(tmp_path)
    assert (tmp_path / tables.images["image_path"][0]).is_file()
    assert tables.findings["mask_path"].tolist() == [expected]
    assert tables.findings["outline"].tolist() == ["mask"]
    box = tables.findings.loc[0, ["x1_px", "y1_px", "x2_px", "y2_px"]].tolist()
    assert box == ["8", "20", "32", "44"]


@pytest.mark.parametrize("layout", [first_release, retriever, jpegs])
def test_mask_swapped_with_the_crop_is_found_by_its_size(layout, tmp_path):
    write_table(tmp_path, [row()])
    crop_name = layout(tmp_path, mask(), CROP)
    tables = read(tmp_path)
    path = tables.findings["mask_path"][0]
    assert path
    assert path != crop_name
    assert any(note.startswith("1 masks stood where the tables") for note in tables.notes)


def test_mask_swapped_with_the_crop_of_another_series_is_found(tmp_path):
    other = f"{CASE}_1/1.3.6.1.4.1.9590.100.1.2.3/1.3.6.1.4.1.9590.100.1.2.700011111/000000.dcm"
    write_table(tmp_path, [row(**{"ROI mask file path": other})])
    write(tmp_path / row()["image file path"], FILM)
    write(tmp_path / row()["cropped image file path"], mask())
    write(tmp_path / other, CROP)
    tables = read(tmp_path)
    assert tables.findings["mask_path"].tolist() == [row()["cropped image file path"]]
    assert any(note.startswith("1 masks stood where the tables") for note in tables.notes)


def test_mask_of_another_size_is_left_out_and_told(tmp_path):
    write_table(tmp_path, [row()])
    first_release(tmp_path, CROP, mask(60, 50))
    tables = read(tmp_path)
    assert tables.findings["outline"].tolist() == [""]
    assert tables.findings["label_text"][0].endswith("mask 50 x 60, image 48 x 64")
    assert any(note.startswith("1 masks have another size") for note in tables.notes)


def test_empty_mask_is_left_out_and_told(tmp_path):
    write_table(tmp_path, [row()])
    first_release(tmp_path, CROP, 0 * mask())
    tables = read(tmp_path)
    assert tables.findings["mask_path"].tolist() == [""]
    assert "1 masks are empty and were left out." in tables.notes


def test_crop_of_the_films_size_is_told_from_the_mask_by_its_pixels(tmp_path):
    write_table(tmp_path, [row()])
    expected = first_release(tmp_path, (FILM % 200).astype(np.uint8), mask())
    assert read(tmp_path).findings["mask_path"].tolist() == [expected]


def test_images_not_in_the_folder_are_left_out_and_counted(tmp_path):
    absent = row(**{"image file path": "Mass-Training_P_90002_LEFT_CC/1.2/1.3/000000.dcm"})
    write_table(tmp_path, [row(), absent])
    first_release(tmp_path, CROP, mask())
    tables = read(tmp_path)
    assert len(tables.images) == len(tables.findings) == 1
    assert any(note.startswith("1 images of the tables are not") for note in tables.notes)


def test_dicom_info_tells_the_mask_where_the_series_differs(tmp_path):
    write_table(tmp_path / "csv", [row()])
    write(tmp_path / "jpeg" / IMAGE / "1-163.jpg", FILM)
    write(tmp_path / "jpeg" / "1.2.999" / "1-7.jpg", mask())
    (tmp_path / "csv" / "dicom_info.csv").write_text(
        f"file_path,image_path,PatientID\nx,CBIS-DDSM/jpeg/1.2.999/1-7.jpg,{CASE}_1\n"
    )
    assert read(tmp_path).findings["mask_path"].tolist() == ["jpeg/1.2.999/1-7.jpg"]


def test_density_0_is_unknown_in_both_spellings(tmp_path):
    other = {name.replace("breast_density", "breast density"): v for name, v in row().items()}
    write_table(tmp_path, [row(breast_density="0")])
    write_table(tmp_path, [other | {"image file path": "a/b/c/000000.dcm"}], "test")
    assert read(tmp_path, tables="only").images["density"].tolist() == ["", "B"]


def test_benign_without_callback_is_benign_and_no_cancer(tmp_path):
    write_table(tmp_path, [row(pathology="BENIGN_WITHOUT_CALLBACK")])
    tables = read(tmp_path, tables="only")
    assert tables.images[["cancer", "pathology"]].to_numpy().tolist() == [["0", "benign"]]
    assert tables.findings["label_text"][0].startswith("BENIGN_WITHOUT_CALLBACK")


def test_film_that_is_there_twice_has_one_truth(tmp_path):
    twin = row(pathology="BENIGN", **{"image file path": "Twin/1.2/1.3/000000.dcm"})
    write_table(tmp_path, [row()])
    write_table(tmp_path, [twin], "test")
    images = read(tmp_path, tables="only").images
    assert images["cancer"].tolist() == ["1", "1"]
    assert images["duplicate_group"].tolist() == ["P_90001_LEFT_CC"] * 2


def test_unknown_pathology_is_an_error_that_names_it(tmp_path):
    write_table(tmp_path, [row(pathology="UNPROVEN")])
    with pytest.raises(ConfigError, match="UNPROVEN"):
        read(tmp_path)


def test_folder_without_tables_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="mass_case_description_train_set"):
        read(tmp_path)


def test_wrong_option_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="findings"):
        read(tmp_path, findings="cysts")


def test_official_tables_give_the_published_counts(data_dir):
    tables = read(data_dir / "tables" / "cbis_ddsm")
    split = tables.findings["image_path"].map(tables.images.set_index("image_path")["split"])
    counts = tables.findings.groupby(["kind", split]).size()
    assert counts["mass"].to_dict() == {"train": 1318, "test": 378}
    assert counts["calcification"].to_dict() == {"train": 1546, "test": 326}
    assert len(tables.images) == 3103


def test_official_split_parts_31_women_unless_one_kind_is_taken(data_dir):
    folder = data_dir / "tables" / "cbis_ddsm"
    parts = read(folder).images.groupby("patient_id")["split"].nunique()
    assert (parts > 1).sum() == 31
    parts = read(folder, findings="mass").images.groupby("patient_id")["split"].nunique()
    assert parts.max() == 1
