from __future__ import annotations

import json
from pathlib import Path

import pytest

from mammoscope.errors import ConfigError
from source_tables import manifest_of, picture, tables_of, told

A, B = "a_jpg.rf.0123456789abcdef0123456789abcdef.jpg", "b_jpg.rf.aaaa.jpg"


def export(
    folder: Path, annotations: list[dict[str, object]], part: str = "train", **image
) -> Path:
    """What Roboflow writes for one part: a picture A of 100 x 80 with findings, B without."""
    picture(folder / part / A)
    picture(folder / part / B)
    size = {"height": 80, "width": 100} | image
    content = {
        "info": {"description": "Exported from roboflow.com"},
        "licenses": [],
        "categories": [
            {"id": 0, "name": "lesions", "supercategory": "none"},
            {"id": 1, "name": "benign", "supercategory": "lesions"},
            {"id": 2, "name": "malignant mass", "supercategory": "lesions"},
        ],
        "images": [
            {"id": 0, "license": 1, "file_name": A, "date_captured": "2024", **size},
            {"id": 1, "license": 1, "file_name": B, "date_captured": "2024", **size},
        ],
        "annotations": [
            {"id": n, "image_id": 0, "area": 1, "iscrowd": 0, "segmentation": []} | one
            for n, one in enumerate(annotations)
        ],
    }
    (folder / part / "_annotations.coco.json").write_text(json.dumps(content))
    return folder


def box(row) -> list[float]:
    return [float(row[name]) for name in ("x1_px", "y1_px", "x2_px", "y2_px")]


def test_boxes_are_in_source_pixels(tmp_path: Path) -> None:
    export(tmp_path, [{"category_id": 2, "bbox": [10, 20.5, 30, 40]}])
    found = manifest_of("coco", tmp_path).findings.iloc[0]
    assert box(found) == [10, 20.5, 40, 60.5]
    assert found[["outline", "kind", "pathology"]].tolist() == ["box", "mass", "malignant"]


def test_images_have_the_labels_of_their_boxes(tmp_path: Path) -> None:
    export(
        tmp_path,
        [{"category_id": 1, "bbox": [1, 2, 3, 4]}, {"category_id": 2, "bbox": [1, 2, 3, 4]}],
    )
    images = manifest_of("coco", tmp_path).images
    assert images[["cancer", "pathology", "finding"]].to_numpy().tolist() == [
        ["1", "malignant", "1"],
        ["", "", "0"],
    ]
    assert images["split"].tolist() == ["train", "train"]


def test_a_polygon_is_kept(tmp_path: Path) -> None:
    corners = {"bbox": [10, 10, 20, 10], "segmentation": [[10, 10, 30, 10, 30, 20]]}
    found = manifest_of("coco", export(tmp_path, [{"category_id": 1, **corners}])).findings.iloc[0]
    assert (found["outline"], found["polygon_px"]) == ("polygon", "10,10 30,10 30,20")


def test_a_finding_in_pieces_or_run_lengths_has_its_box(tmp_path: Path) -> None:
    pieces = [[1, 1, 2, 1, 2, 2], [5, 5, 6, 5, 6, 6]]
    for segmentation in (pieces, {"counts": "abc", "size": [80, 100]}):
        one = {"category_id": 1, "bbox": [1, 1, 5, 5], "segmentation": segmentation}
        found = manifest_of("coco", export(tmp_path, [one])).findings.iloc[0]
        assert (found["outline"], box(found)) == ("box", [1, 1, 6, 6])


def test_boxes_beyond_the_image_are_clipped_or_left_out_and_counted(tmp_path: Path) -> None:
    boxes = [[90, 70, 30, 30], [200, 10, 5, 5], [10, 10, 0, 5], [10, 10, -4, 5], [1, 2], None]
    export(tmp_path, [{"category_id": 1, "bbox": one} for one in boxes])
    tables = tables_of("coco", tmp_path)
    assert len(tables.findings) == 1
    assert box(tables.findings.iloc[0]) == [90, 70, 100, 80]
    assert told(tables.notes, "1 boxes reached beyond their image and were clipped")
    assert told(tables.notes, "5 boxes have no place, no size or lie outside their image")


def test_boxes_of_another_size_are_scaled_and_told(tmp_path: Path) -> None:
    export(tmp_path, [{"category_id": 1, "bbox": [20, 20, 40, 40]}], width=200, height=160)
    tables = tables_of("coco", tmp_path)
    assert box(tables.findings.iloc[0]) == [10, 10, 30, 30]
    assert told(tables.notes, "2 images are not of the size their annotation states")


def test_a_finding_without_place_is_still_one(tmp_path: Path) -> None:
    images = manifest_of("coco", export(tmp_path, [{"category_id": 2}])).images
    assert images[["finding", "cancer"]].to_numpy().tolist() == [["1", "1"], ["0", ""]]


def test_copies_in_two_parts_are_one_patient_and_a_leak(tmp_path: Path) -> None:
    export(tmp_path, [], "train")
    export(tmp_path, [], "valid")
    tables = tables_of("coco", tmp_path)
    assert tables.images["patient_id"].tolist() == ["a", "b", "a", "b"]
    assert tables.images["duplicate_group"].tolist() == ["a", "b", "a", "b"]
    assert told(tables.notes, "split leaks: 2 originals")


def test_missing_and_unlisted_images_are_told(tmp_path: Path) -> None:
    export(tmp_path, [])
    (tmp_path / "train" / B).unlink()
    picture(tmp_path / "train" / "c.png")
    tables = tables_of("coco", tmp_path)
    assert tables.images["finding"].tolist() == ["0", ""]
    assert told(tables.notes, "1 images of the annotation files are not in the folder")
    assert told(tables.notes, "1 images have no annotation")


def test_a_broken_picture_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    export(tmp_path, [{"category_id": 1, "bbox": [1, 2, 3, 4]}])
    (tmp_path / "train" / B).write_bytes(b"\xff\xd8\xff")
    tables = tables_of("coco", tmp_path)
    assert len(tables.images) == 2
    assert told(tables.notes, "1 images cannot be read")


def test_pictures_in_a_folder_of_their_own_are_found(tmp_path: Path) -> None:
    export(tmp_path, [{"category_id": 1, "bbox": [1, 2, 3, 4]}])
    (tmp_path / "annotations").mkdir()
    (tmp_path / "train/_annotations.coco.json").rename(tmp_path / "annotations/instances.json")
    assert len(manifest_of("coco", tmp_path).findings) == 1


def test_class_names_that_say_nothing_are_told(tmp_path: Path) -> None:
    tables = tables_of("coco", export(tmp_path, [{"category_id": 0, "bbox": [1, 2, 3, 4]}]))
    assert tables.images["cancer"].tolist() == ["", ""]
    assert tables.images["label_text"].tolist() == ["lesions", ""]
    assert told(tables.notes, "do not say whether it is a cancer: lesions")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "it has no images, annotations"),
        ('{"images": [1], "annotations": [], "categories": []}', "it has no images, annotations"),
        ('{"images": [{}], "annotations": [], "categories": []}', "has no file_name"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1}]}', "has no id or name"),
    ],
)
def test_a_broken_annotation_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "_annotations.coco.json").write_text(text)
    with pytest.raises(ConfigError, match=rf"_annotations\.coco\.json: .*{message}"):
        tables_of("coco", tmp_path)


def test_a_folder_without_annotations_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no COCO file there"):
        tables_of("coco", tmp_path)
