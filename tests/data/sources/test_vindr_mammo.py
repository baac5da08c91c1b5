"""VinDr-Mammo in its layout, with invented exams."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pandas")

from mammoscope.data.manifest import make_manifest
from mammoscope.data.source import Tables
from mammoscope.data.sources.vindr_mammo import SOURCE
from mammoscope.errors import ConfigError

BREASTS = """\
study_id,series_id,laterality,image_id,view_position,height,width,breast_birads,breast_density,split
s1,e1,L,i1,CC,3000,2000,BI-RADS 4,DENSITY C,training
s1,e1,R,i2,MLO,3000,2000,BI-RADS 1,DENSITY C,training
s2,e2,L,i3,CC,3000,2000,BI-RADS 3,DENSITY A,test
s2,e2,R,i4,CC,3000,2000,BI-RADS 1,DENSITY A,test
"""
FINDINGS = """\
study_id,series_id,image_id,laterality,view_position,height,width,breast_birads,breast_density,\
finding_categories,finding_birads,xmin,ymin,xmax,ymax,split
s1,e1,i1,L,CC,3000,2000,BI-RADS 4,DENSITY C,"['Skin Thickening', 'Mass']",BI-RADS 4,\
-5.5,100.25,400.5,700,training
s1,e1,i1,L,CC,3000,2000,BI-RADS 4,DENSITY C,['Nipple Retraction'],,10,20,30,40,training
s1,e1,i2,R,MLO,3000,2000,BI-RADS 1,DENSITY C,['No Finding'],,,,,,training
s2,e2,i3,L,CC,3000,2000,BI-RADS 3,DENSITY A,['Focal Asymmetry'],BI-RADS 3,1,2,3,4,test
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "finding_annotations.csv").write_text(FINDINGS)
    for study, image in (("s1", "i1"), ("s1", "i2"), ("s2", "i3"), ("s2", "i4")):
        path = tmp_path / "images" / study / f"{image}.dicom"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"an image")
    return tmp_path


def read(folder: Path) -> Tables:
    tables = SOURCE.read(folder, {})
    images = tables.images.assign(dataset="vindr_mammo", modality="mammography")
    manifest = make_manifest(folder, images, tables.findings)
    return Tables(manifest.images, manifest.findings, tables.notes)


def test_labels_are_birads_with_the_official_split(folder):
    images = read(folder).images
    assert images["birads"].tolist() == ["4", "1", "3"]
    assert images["split"].tolist() == ["train", "train", "test"]
    assert set(images["split_rule"]) == {"official"}
    assert set(images["cancer"]) == set(images["pathology"]) == {""}


def test_images_without_a_line_of_findings_come_from_the_other_table(folder):
    (folder / "breast-level_annotations.csv").write_text(BREASTS)
    images = read(folder).images
    assert images["image_path"].tolist()[-1] == "images/s2/i4.dicom"
    assert images["finding"].tolist() == ["1", "0", "1", "0"]


def test_box_stays_inside_the_image_and_no_finding_is_none(folder):
    tables = read(folder)
    boxes = tables.findings[["x1_px", "y1_px", "x2_px", "y2_px"]].to_numpy().tolist()
    assert boxes[0] == ["0", "100.25", "400.5", "700"]
    assert len(boxes) == 3
    assert any(note.startswith("1 boxes reached over") for note in tables.notes)


def test_kind_is_the_lesions_and_all_categories_are_kept(folder):
    findings = read(folder).findings
    assert findings["kind"].tolist() == ["mass", "other", "asymmetry"]
    assert findings["label_text"][0] == "Skin Thickening, Mass"
    assert findings["birads"].tolist() == ["4", "", "3"]


def test_machine_and_age_come_from_the_metadata(folder):
    (folder / "metadata.csv").write_text(
        "SOP Instance UID,Manufacturer's Model Name,Patient's Age\n"
        "i1,Model X,053Y\ni2,Model Y,000Y\n"
    )
    images = read(folder).images
    assert images["machine_id"].tolist() == ["Model X", "Model Y", ""]
    assert images["age"].tolist() == ["53", "", ""]


def test_images_not_there_are_counted(folder):
    (folder / "images" / "s1" / "i1.dicom").unlink()
    tables = read(folder)
    assert "1 images are not in the folder." in tables.notes
    assert len(tables.findings) == 1


def test_folder_without_the_table_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="finding_annotations"):
        read(tmp_path)


def test_real_excerpt_is_read(data_dir, tmp_path):
    table = data_dir / "tables" / "vindr_excerpt" / "finding_annotations.csv"
    (tmp_path / table.name).write_bytes(table.read_bytes())
    lines = table.read_text().splitlines()[1:]
    for line in lines:
        study, _, image = line.split(",")[:3]
        (tmp_path / "images" / study).mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / study / f"{image}.dicom").touch()
    assert len(read(tmp_path).findings) == len(lines) == 60
