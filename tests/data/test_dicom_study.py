"""Whole studies, and the validity of every kind of file as dicom3tools' dciodvfy sees it."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pydicom
import pytest

from mammoscope.data.dicom_encoding import SYNTAXES
from mammoscope.data.dicom_levels import DicomKind
from mammoscope.data.dicom_study import every_kind, write_study, write_view
from mammoscope.data.synth import synthetic_exam
from mammoscope.io import read_exam
from mammoscope.io.dicom import read_dicom

KINDS = every_kind()
# What Debian's dciodvfy cannot parse is shown to it under a syntax of the same layout.
SHOWN_AS = {
    "deflated": "explicit",
    "HTJ2K lossless": "JPEG 2000 lossless",
    "HTJ2K lossless RPCL": "JPEG 2000 lossless",
    "HTJ2K": "JPEG 2000",
}
# MLO is no defined term of View Position, though every maker writes it; nor was HTJ2K's method
# one when dciodvfy was made.
KNOWN_WARNINGS = ("ViewPosition", "ISO_15444_15")


@pytest.fixture(scope="module")
def exam():
    return synthetic_exam(seed=5, height=96)


def test_a_study_is_read_as_one_exam_in_hanging_order(exam, tmp_path):
    write_study(exam, tmp_path)
    read = read_exam(tmp_path)
    assert [m.laterality + m.view for m in read.images] == ["RCC", "LCC", "RMLO", "LMLO"]
    assert len({m.exam_key for m in read.images}) == 1
    assert read.unreadable == ()


def test_a_study_holds_its_kinds_as_series_under_plain_names(exam, tmp_path):
    raw = DicomKind(presentation="processing", photometric="MONOCHROME1")
    paths = write_study(exam, tmp_path, [DicomKind(), raw, DicomKind(slices=3)])
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in paths]
    assert [path.name for path in paths[::4]] == ["R-CC.dcm", "R-CC_raw.dcm", "R-CC_tomo.dcm"]
    assert len({header.StudyInstanceUID for header in headers}) == 1
    assert len({header.SeriesInstanceUID for header in headers}) == 3
    assert len({header.SOPInstanceUID for header in headers}) == 12
    assert [header.InstanceNumber for header in headers[:4]] == [1, 2, 3, 4]


def test_the_same_seed_writes_the_same_study(exam, tmp_path):
    first = write_study(exam, tmp_path / "a")
    second = write_study(synthetic_exam(seed=5, height=96), tmp_path / "b")
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_kinds_cover_what_the_writer_knows_and_none_comes_twice():
    assert {kind.syntax for kind in KINDS} == set(SYNTAXES)
    assert len({kind.name for kind in KINDS}) == len(set(KINDS)) == len(KINDS) >= 200


def one_of_each(syntax):
    """One kind for each object, for each grey scale, and all the special ones."""
    chosen = {}
    for kind in (kind for kind in KINDS if kind.syntax == syntax):
        chosen.setdefault(("object", kind.processing, kind.slices > 0), kind)
        chosen.setdefault(("grey", kind.voi, kind.photometric, kind.slices > 0), kind)
        chosen.setdefault(("more", kind.modifiers, kind.implant, kind.padded), kind)
    return list(dict.fromkeys(chosen.values()))


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_kinds_are_read_with_its_breast_view_and_spacing(exam, tmp_path, syntax):
    for number, kind in enumerate(one_of_each(syntax)):
        view = exam.images[number % 4]
        mammogram = read_dicom(write_view(tmp_path / "a.dcm", view, kind, seed=5))
        assert (mammogram.laterality, mammogram.view) == (view.laterality, view.view), kind.name
        assert mammogram.spacing_mm == pytest.approx(view.spacing_mm), kind.name
        assert mammogram.pixels.shape == view.pixels.shape, kind.name
        assert mammogram.implant is kind.implant, kind.name


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_dciodvfy_finds_no_error(exam, tmp_path, syntax):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed; it comes with Debian's dicom3tools")
    kinds = one_of_each(syntax)
    paths = [
        checkable(write_view(tmp_path / f"{i}.dcm", exam.images[i % 4], kind, seed=5), syntax)
        for i, kind in enumerate(kinds)
    ]
    with ThreadPoolExecutor(2) as pool:
        for kind, said in zip(kinds, pool.map(complaints, paths), strict=True):
            assert said == [], kind.name


def checkable(path, syntax):
    if syntax in SHOWN_AS:
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(SYNTAXES[SHOWN_AS[syntax]].uid)
        dataset.save_as(path)
    return path


def complaints(path):
    run = subprocess.run(
        ["dciodvfy", "-new", str(path)], capture_output=True, text=True, check=False
    )
    said = (run.stdout + run.stderr).splitlines()
    assert any("MammographyImage" in line or "BreastTomosynthesis" in line for line in said)
    found = [line for line in said if line.startswith(("Error", "Warning"))]
    return [line for line in found if not any(known in line for known in KNOWN_WARNINGS)]
