from __future__ import annotations

import json
from pathlib import Path

import pytest

from mammoscope.errors import ConfigError
from source_tables import manifest_of, picture, real, tables_of, told

COLUMNS = (
    "Image_name,Patient_ID,Side,Type,Age,Breast density (ACR),BIRADS,Findings,View,Tags,Machine,"
    "Pathology Classification/ Follow up\n"
)
ROWS = (
    'P1_L_DM_MLO,1,L,DM,46,C,5$2,High density mass$IMLN,MLO,"mass, imln",1,Malignant\n'
    'P1_L_CM_MLO ,1,L,CESM,46,_,5,Mass enhancement,MLO,"mass enhancement",1,Malignant\n'
    "P2_R_DM_CC,2,R,DM,61,B,1,Normal,CC,normal,2,Normal\n"
    "P9_R_DM_CC,9,R,DM,61,B,1,Normal,CC,normal,2,Normal\n"
)
VIA = (
    "#filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,"
    "region_attributes\n"
)


def via(name: str, shape: dict[str, object]) -> str:
    text = json.dumps(shape).replace('"', '""')
    return f'{name},1234,"{{}}",1,0,"{text}","{{}}"\n'


@pytest.fixture
def published(tmp_path: Path) -> Path:
    (tmp_path / "Radiology-manual-annotations.csv").write_text(COLUMNS + ROWS)
    picture(tmp_path / "Low energy images of CDD-CESM/P1_L_DM_MLO.jpg")
    picture(tmp_path / "Low energy images of CDD-CESM/P2_R_DM_CC.jpg")
    picture(tmp_path / "Subtracted images of CDD-CESM/P1_L_CM_MLO .jpg")
    return tmp_path


def with_shapes(folder: Path, *shapes: dict[str, object], name: str = "P1_L_DM_MLO.jpg") -> Path:
    text = VIA + "".join(via(name, shape) for shape in shapes)
    (folder / "Radiology_hand_drawn_segmentations_v2.csv").write_text(text)
    return folder


def box(row) -> list[float]:
    return [float(row[name]) for name in ("x1_px", "y1_px", "x2_px", "y2_px")]


def test_the_real_images_are_all_there(data_dir: Path) -> None:
    manifest = manifest_of("cdd_cesm", real(data_dir, "cdd_cesm"))
    images = manifest.images
    assert (len(images), images["patient_id"].nunique()) == (260, 142)
    assert len(manifest.findings) == 702
    assert set(images["cancer"]) == {"1"}
    assert (manifest.findings["outline"] == "circle").sum() == 39


def test_what_the_real_shapes_are_not_is_told(data_dir: Path) -> None:
    tables = tables_of("cdd_cesm", real(data_dir, "cdd_cesm"))
    assert told(tables.notes, "The shapes mark every finding")
    assert told(tables.notes, "Every image here holds a cancer")
    lesions = tables.findings[tables.findings["box_frac_of_breast"].astype(float) < 0.4]
    assert (len(lesions), lesions["image_path"].nunique()) == (566, 232)


def test_the_published_table_gives_the_labels(published: Path) -> None:
    images = manifest_of("cdd_cesm", published).images
    assert images["patient_id"].tolist() == ["P1", "P1", "P2"]
    assert images["cancer"].tolist() == ["1", "1", "0"]
    assert images["birads"].tolist() == ["5", "5", "1"]
    assert images["finding"].tolist() == ["1", "1", "0"]


def test_the_density_of_a_subtracted_image_is_not_in_the_table(published: Path) -> None:
    images = manifest_of("cdd_cesm", published).images
    assert images["density"].tolist() == ["C", "", "B"]
    assert images["energy"].tolist() == ["low", "subtracted", "low"]


def test_images_and_rows_without_each_other_are_told(published: Path) -> None:
    picture(published / "Subtracted images of CDD-CESM/P7_L_CM_CC.jpg")
    notes = tables_of("cdd_cesm", published).notes
    assert told(notes, "1 images of Radiology-manual-annotations.csv are not in the folder")
    assert told(notes, "1 images of the folder are not in Radiology-manual-annotations.csv")


def test_rows_that_are_left_out_are_told(published: Path) -> None:
    table = published / "Radiology-manual-annotations.csv"
    first = ROWS.splitlines()[0]
    table.write_text(COLUMNS + ROWS + first + "\n" + first.replace("P1_L_DM_MLO", "total"))
    tables = tables_of("cdd_cesm", published)
    assert len(tables.images) == 3
    assert told(tables.notes, "1 rows of Radiology-manual-annotations.csv name no image")
    assert told(tables.notes, "1 rows of Radiology-manual-annotations.csv are of an image that")


def test_a_blank_before_the_suffix_does_no_harm(published: Path) -> None:
    rect = {"name": "rect", "x": 5, "y": 6, "width": 10, "height": 20}
    with_shapes(published, rect, name="P1_L_CM_MLO .jpg")
    found = manifest_of("cdd_cesm", published).findings
    assert found["image_path"].str.endswith("P1_L_CM_MLO .jpg").tolist() == [True]


@pytest.mark.parametrize(
    ("shape", "outline", "wanted"),
    [
        ({"name": "rect", "x": 5, "y": 6, "width": 10, "height": 20}, "box", [5, 6, 15, 26]),
        ({"name": "circle", "cx": 50, "cy": 40, "r": 10}, "circle", [40, 30, 60, 50]),
        ({"name": "ellipse", "cx": 50, "cy": 40, "rx": 20, "ry": 10}, "polygon", [30, 30, 70, 50]),
        (
            {"name": "polygon", "all_points_x": [5, 9, 7], "all_points_y": [1, 2, 8]},
            "polygon",
            [5, 1, 9, 8],
        ),
        (
            {"name": "polyline", "all_points_x": [5, 9, 7], "all_points_y": [1, 2, 8]},
            "polygon",
            [5, 1, 9, 8],
        ),
    ],
)
def test_each_shape_has_its_box(published: Path, shape, outline: str, wanted) -> None:
    found = manifest_of("cdd_cesm", with_shapes(published, shape)).findings.iloc[0]
    assert found["outline"] == outline
    assert box(found) == wanted


def test_a_turned_ellipse_lies_across(published: Path) -> None:
    shape = {"name": "ellipse", "cx": 50, "cy": 40, "rx": 20, "ry": 10, "theta": 1.5707963}
    found = manifest_of("cdd_cesm", with_shapes(published, shape)).findings.iloc[0]
    assert box(found) == pytest.approx([40, 20, 60, 60], abs=0.02)


def test_a_shape_beyond_the_image_is_clipped_and_told(published: Path) -> None:
    shape = {"name": "circle", "cx": 95, "cy": 40, "r": 20}
    with_shapes(published, shape)
    found = manifest_of("cdd_cesm", published).findings.iloc[0]
    assert (found["outline"], box(found)) == ("polygon", [75, 20, 100, 60])
    assert told(tables_of("cdd_cesm", published).notes, "1 shapes reached beyond their image")


def test_a_point_is_a_finding_without_place(published: Path) -> None:
    with_shapes(published, {"name": "point", "cx": 5, "cy": 6})
    found = manifest_of("cdd_cesm", published).findings.iloc[0]
    assert (found["outline"], found["x1_px"]) == ("", "")
    assert told(tables_of("cdd_cesm", published).notes, "1 shapes are a point")


def test_a_kind_is_given_only_where_it_cannot_be_another(published: Path) -> None:
    rect = {"name": "rect", "x": 5, "y": 6, "width": 10, "height": 20}
    assert manifest_of("cdd_cesm", with_shapes(published, rect)).findings["kind"].tolist() == [
        "mass"
    ]
    two = manifest_of("cdd_cesm", with_shapes(published, rect, rect)).findings
    assert two["kind"].tolist() == ["", ""]


def test_the_published_excel_file_is_read_where_openpyxl_is(published: Path) -> None:
    pytest.importorskip("openpyxl")
    import pandas as pd

    table = published / "Radiology-manual-annotations.csv"
    wanted = manifest_of("cdd_cesm", published).images
    with pd.ExcelWriter(table.with_suffix(".xlsx")) as book:
        pd.read_csv(table).to_excel(book, sheet_name="all", index=False)
        pd.DataFrame({"x": [1]}).to_excel(book, sheet_name="mass_description", index=False)
    table.unlink()
    assert manifest_of("cdd_cesm", published).images.equals(wanted)


def test_an_unknown_pathology_is_named_by_row(published: Path) -> None:
    table = published / "Radiology-manual-annotations.csv"
    table.write_text(COLUMNS + ROWS.replace("2,Normal\nP9", "2,Unsure\nP9"))
    with pytest.raises(ConfigError, match="row 4, the pathology is 'unsure'"):
        tables_of("cdd_cesm", published)


def test_a_folder_without_tables_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no Radiology-manual-annotations\.xlsx or \.csv"):
        tables_of("cdd_cesm", tmp_path)
