"""CMMD in the NBIA retriever's layout, with invented women."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dicom_files import code, write_dicom

pytest.importorskip("pandas")

from mammoscope.data.manifest import make_manifest
from mammoscope.data.source import Tables
from mammoscope.data.sources.cmmd import SOURCE
from mammoscope.errors import ConfigError

TABLE = """\
ID1,LeftRight,Age,number,abnormality,classification,subtype
D1-9001,R,41,2,both,Benign,
D2-9002,L,62,4,mass,Malignant,Luminal A
D2-9003,R,55,2,calcification,Malignant,
"""
VIEWS = {"CC": "399162004", "MLO": "399368009"}


def put(folder: Path, patient: str, name: str, side: str, view: str) -> None:
    path = folder / "CMMD" / patient / "07-18-2010-NA-NA-00001" / "1.000000-NA-00002" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    tags = {"ImageLaterality": side, "ViewPosition": None, "ViewCodeSequence": code(VIEWS[view])}
    write_dicom(path, np.zeros((40, 40), np.uint8), bits=8, **tags)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "CMMD_clinicaldata_revision.csv").write_text(TABLE)
    put(tmp_path, "D1-9001", "1-1.dcm", "R", "CC")
    put(tmp_path, "D1-9001", "1-2.dcm", "R", "MLO")
    put(tmp_path, "D2-9002", "1-1.dcm", "L", "CC")
    put(tmp_path, "D2-9002", "1-2.dcm", "R", "CC")
    return tmp_path


def read(folder: Path) -> Tables:
    tables = SOURCE.read(folder, {})
    images = tables.images.assign(dataset="cmmd", modality="mammography")
    manifest = make_manifest(folder, images, tables.findings)
    return Tables(manifest.images, manifest.findings, tables.notes)


def test_breast_and_view_come_from_the_header(folder):
    images = read(folder).images
    assert images["laterality"].tolist() == ["R", "R", "L", "R"]
    assert images["view"].tolist() == ["CC", "MLO", "CC", "CC"]


def test_pathology_is_the_breasts_and_the_other_breast_has_none(folder):
    images = read(folder).images
    assert images["pathology"].tolist() == ["benign", "benign", "malignant", ""]
    assert images["cancer"].tolist() == ["0", "0", "1", ""]
    assert images["finding"].tolist() == ["1", "1", "1", ""]


def test_age_is_the_womans_and_subtype_the_labels_text(folder):
    images = read(folder).images
    assert images["age"].tolist() == ["41", "41", "62", "62"]
    assert images["label_text"].tolist() == ["", "", "Luminal A", ""]


def test_findings_have_a_kind_and_no_place(folder):
    findings = read(folder).findings
    assert findings["kind"].tolist() == ["mass", "calcification"] * 2 + ["mass"]
    assert set(findings["outline"]) == {""}
    assert findings["finding_id"][0] == findings["finding_id"][2]


def test_what_is_missing_is_counted(folder):
    broken = folder / "CMMD" / "D1-9001" / "07-18-2010-NA-NA-00001" / "broken.dcm"
    broken.write_bytes(b"nothing")
    notes = " ".join(read(folder).notes)
    assert "1 women of the table have no image" in notes
    assert "1 DICOM files cannot be read" in notes
    assert "1 images show a breast that the table does not name" in notes


def test_semicolons_are_read_too(folder):
    table = folder / "CMMD_clinicaldata_revision.csv"
    table.write_text(TABLE.replace(",", ";"))
    assert len(read(folder).images) == 4


def test_breast_with_two_lines_takes_the_worst(folder):
    table = folder / "CMMD_clinicaldata_revision.csv"
    table.write_text(TABLE + "D1-9001,R,41,2,mass,Malignant,\n")
    tables = read(folder)
    assert tables.images["pathology"].tolist()[:2] == ["malignant", "malignant"]
    assert "1 breasts have several lines; the worst was taken." in tables.notes


def test_folder_without_the_table_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="ID1"):
        read(tmp_path)
