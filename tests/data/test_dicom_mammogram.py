"""The DICOM writer against the project's own reader: what was stored and what is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest

from mammoscope.data.dicom_codestreams import NEAR
from mammoscope.data.dicom_encoding import SYNTAXES, set_pixels
from mammoscope.data.dicom_levels import DicomKind, stored_values
from mammoscope.data.dicom_mammogram import mammogram_dataset
from mammoscope.data.dicom_modules import MODIFIERS, VIEWS
from mammoscope.data.dicom_study import write_view
from mammoscope.data.dicom_tomosynthesis import slice_pictures, tomosynthesis_dataset
from mammoscope.data.synth import SyntheticView, synthetic_view
from mammoscope.data.synth_implant import random_implant
from mammoscope.data.synth_slices import ANGLES_DEG
from mammoscope.errors import ConfigError
from mammoscope.io.dicom import read_dicom
from mammoscope.io.dicom_header import opened, read_header
from mammoscope.io.dicom_layout import read_layout
from mammoscope.io.dicom_pixels import read_frame

LOSSLESS = [name for name, syntax in SYNTAXES.items() if not syntax.lossy]
BOTH_POLARITIES = pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
VOIS = ["linear", "linear_exact", "sigmoid", "windows", "lut", "lut and window"]
# Largest error in stored values that a lossy codec may make here; JPEG's are at the marker's edges.
LOSS = {"JPEG baseline": 12, "JPEG extended": 12, "JPEG-LS near": 2 * NEAR, "JPEG 2000": 12}


@pytest.fixture(scope="module")
def view():
    return synthetic_view(3, "L", "MLO", height=128)


def read_stored(path, index=0):
    with opened(path) as file:
        header = read_header(path, file)
        return read_frame(header, read_layout(header), file, index).raw


def every_bit(names):
    return [(name, bits) for name in names for bits in SYNTAXES[name].bits]


@pytest.mark.parametrize(("syntax", "bits"), every_bit(LOSSLESS))
def test_every_stored_value_comes_back_from_a_lossless_syntax(view, tmp_path, syntax, bits):
    kind = DicomKind(syntax, bits)
    path = write_view(tmp_path / "a.dcm", view, kind, seed=3)
    mammogram = read_dicom(path)
    assert np.array_equal(read_stored(path), stored_values(view.pixels, kind))
    assert mammogram.provenance["transfer_syntax"].startswith(SYNTAXES[syntax].uid)
    assert mammogram.warnings == ()


@pytest.mark.parametrize(("syntax", "bits"), every_bit(LOSS))
def test_lossy_syntaxes_stay_close_and_say_so(view, tmp_path, syntax, bits):
    kind = DicomKind(syntax, bits)
    path = write_view(tmp_path / "a.dcm", view, kind, seed=3)
    error = read_stored(path).astype(int) - stored_values(view.pixels, kind)
    header = pydicom.dcmread(path, stop_before_pixels=True)
    assert 0 < np.abs(error).max() <= LOSS[syntax]
    assert header.LossyImageCompression == "01"
    assert header.LossyImageCompressionMethod == SYNTAXES[syntax].lossy
    assert read_dicom(path).warnings == ()


@pytest.mark.parametrize("bits", SYNTAXES["HTJ2K"].bits)
@BOTH_POLARITIES
def test_lossy_htj2k_stays_close(view, tmp_path, photometric, bits):
    kind = DicomKind("HTJ2K", bits, photometric=photometric)
    path = write_view(tmp_path / "a.dcm", view, kind, seed=3)
    error = read_dicom(path).pixels / np.iinfo(read_stored(path).dtype).max - view.pixels / 65535
    assert np.abs(error).max() * kind.top <= 8


@BOTH_POLARITIES
@pytest.mark.parametrize("voi", VOIS)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_the_picture_is_seen_through_every_window_and_lut(view, tmp_path, bits, voi, photometric):
    kind = DicomKind(bits=bits, voi=voi, photometric=photometric)
    mammogram = read_dicom(write_view(tmp_path / "a.dcm", view, kind, seed=3))
    white = np.iinfo(mammogram.pixels.dtype).max
    seen = mammogram.pixels / white
    # Half a stored value through the steepest part of the curves (a sigmoid's is 2.5 and it never
    # reaches black), and half a grey level of the result.
    allowed = 0.5 / kind.top * (2.5 if voi == "sigmoid" else 1.34) + 0.6 / white
    assert np.abs(seen - view.pixels / 65535).max() <= allowed + (voi == "sigmoid") * 0.0067
    assert mammogram.presentation == "presentation"
    assert mammogram.warnings == ()


@pytest.mark.parametrize("voi", VOIS)
def test_windows_and_luts_hold_in_big_endian_files(view, tmp_path, voi):
    files = [
        write_view(tmp_path / name, view, DicomKind(name, voi=voi), seed=3)
        for name in ("big endian", "explicit")
    ]
    assert np.array_equal(*(read_dicom(path).pixels for path in files))


@BOTH_POLARITIES
@pytest.mark.parametrize("relationship", ["LIN", "LOG"])
def test_raw_data_become_the_picture_again(view, tmp_path, relationship, photometric):
    kind = DicomKind(presentation="processing", photometric=photometric, relationship=relationship)
    mammogram = read_dicom(write_view(tmp_path / "a.dcm", view, kind, seed=3))
    inside = view.breast_mask
    agreement = np.corrcoef(mammogram.pixels[inside], view.pixels[inside])[0, 1]
    assert mammogram.presentation == "processing"
    assert agreement > 0.99
    assert not mammogram.pixels[view.pixels == 0].any()


def test_raw_exposure_falls_as_the_exponential_of_the_picture(view):
    kind = DicomKind(bits=16, presentation="processing", photometric="MONOCHROME1")
    raw = stored_values(np.array([0, 32768, 65535], np.uint16), kind).astype(float)
    assert raw[0] / raw[1] == pytest.approx(raw[1] / raw[2], rel=1e-3)
    assert np.all(np.diff(raw) < 0)


@BOTH_POLARITIES
def test_polarity_and_presentation_lut_shape_go_together(view, photometric):
    dataset = mammogram_dataset(view, DicomKind(photometric=photometric), seed=3)
    expected = {"MONOCHROME1": ("INVERSE", 1), "MONOCHROME2": ("IDENTITY", -1)}[photometric]
    found = dataset.PresentationLUTShape, dataset.PixelIntensityRelationshipSign
    assert found == expected


@pytest.mark.parametrize("laterality", ["L", "R"])
@pytest.mark.parametrize("name", VIEWS)
def test_breast_and_view_are_read_back_without_contradiction(view, tmp_path, name, laterality):
    other = replace(view, view=name, laterality=laterality)
    mammogram = read_dicom(write_view(tmp_path / "a.dcm", other, DicomKind(), seed=3))
    assert (mammogram.laterality, mammogram.view) == (laterality, name)
    assert mammogram.warnings == ()


def test_spacing_is_that_of_the_breast_at_any_magnification(view, tmp_path):
    kind = DicomKind(modifiers=("magnification", "spot"), magnification=1.8)
    path = write_view(tmp_path / "a.dcm", view, kind, seed=3)
    mammogram = read_dicom(path)
    at_detector = pydicom.dcmread(path).ImagerPixelSpacing
    assert mammogram.spacing_mm == pytest.approx(view.spacing_mm)
    assert at_detector == pytest.approx([1.8 * mm for mm in view.spacing_mm])
    assert mammogram.view_modifiers == ("magnification", "spot")


@pytest.mark.parametrize("modifier", MODIFIERS)
def test_view_modifiers_are_read_back(view, tmp_path, modifier):
    kind = DicomKind(modifiers=(modifier,), implant=modifier == "implant displaced")
    mammogram = read_dicom(write_view(tmp_path / "a.dcm", view, kind, seed=3))
    assert mammogram.view_modifiers == (modifier,)
    assert mammogram.implant is (modifier == "implant displaced")


@BOTH_POLARITIES
def test_padding_is_black_even_through_a_sigmoid(view, tmp_path, photometric):
    kind = DicomKind(voi="sigmoid", photometric=photometric, padded=True)
    mammogram = read_dicom(write_view(tmp_path / "a.dcm", view, kind, seed=3))
    assert not mammogram.pixels[view.pixels == 0].any()


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_every_slice_of_a_tomosynthesis_comes_back(view, tmp_path, syntax):
    kind = DicomKind(syntax, slices=5)
    path = write_view(tmp_path / "a.dcm", view, kind, seed=3)
    for index, picture in enumerate(slice_pictures(view, 5)):
        assert np.array_equal(read_stored(path, index), stored_values(picture, kind))


def test_the_middle_slice_is_read_with_its_breast_and_spacing(view, tmp_path):
    kind = DicomKind(bits=16, slices=5)
    mammogram = read_dicom(write_view(tmp_path / "a.dcm", view, kind, seed=3))
    assert np.array_equal(mammogram.pixels, view.slices(5)[2])
    assert (mammogram.laterality, mammogram.view) == ("L", "MLO")
    assert mammogram.spacing_mm == pytest.approx(view.spacing_mm)
    assert mammogram.provenance["frame"] == "3 of 5 (the middle one)"


@pytest.mark.parametrize("name", ["CC", "MLO", "ML"])
@pytest.mark.parametrize("side", ["L", "R"])
def test_slices_lie_one_above_the_other_across_their_plane(view, name, side):
    other = replace(view, view=name, laterality=side)
    dataset = tomosynthesis_dataset(other, DicomKind(slices=4), seed=3)
    frames = dataset.PerFrameFunctionalGroupsSequence
    shared = dataset.SharedFunctionalGroupsSequence[0]
    directions = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    places = np.array([f.PlanePositionSequence[0].ImagePositionPatient for f in frames], float)
    normal = np.cross(directions[:3], directions[3:])
    thickness = float(shared.PixelMeasuresSequence[0].SpacingBetweenSlices)
    assert np.diff(places, axis=0) == pytest.approx(np.tile(normal * thickness, (3, 1)), abs=1e-4)
    assert 4 * thickness == pytest.approx(view.thickness_mm)
    assert places.mean(axis=0) == pytest.approx([0, 0, 0], abs=1e-4)


@pytest.mark.parametrize("side", ["L", "R"])
def test_slices_start_at_the_tube(side):
    dataset = tomosynthesis_dataset(synthetic_view(3, side, "CC", 96), DicomKind(slices=4), seed=3)
    frames = dataset.PerFrameFunctionalGroupsSequence
    heights = [float(f.PlanePositionSequence[0].ImagePositionPatient[2]) for f in frames]
    assert heights == sorted(heights, reverse=True)


@pytest.mark.parametrize(("name", "middle"), [("CC", 0), ("MLO", -45)])
def test_the_tubes_arc_is_told_with_every_projection(name, middle):
    view = synthetic_view(3, "L", name, 96)
    taken = tomosynthesis_dataset(view, DicomKind(slices=2), 3).XRay3DAcquisitionSequence[0]
    angles = [float(p.PositionerPrimaryAngle) for p in taken.PerProjectionAcquisitionSequence]
    assert angles == pytest.approx([middle + angle for angle in ANGLES_DEG])
    assert taken.PrimaryPositionerScanStartAngle == angles[0]
    assert taken.PrimaryPositionerScanArc == pytest.approx(angles[-1] - angles[0])
    assert taken.PrimaryPositionerIncrement == pytest.approx(angles[1] - angles[0])


def test_an_implant_is_told_without_being_asked_for(tmp_path):
    view = synthetic_view(3, "L", "CC", 128, implants=(random_implant(3, "L"),), lesions=())
    for kind in (DicomKind(), DicomKind(slices=2)):
        assert read_dicom(write_view(tmp_path / "a.dcm", view, kind, seed=3)).implant


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_same_view_gives_the_same_bytes(view, tmp_path, syntax):
    kind = DicomKind(syntax, SYNTAXES[syntax].bits[-1])
    again = synthetic_view(3, "L", "MLO", height=128)
    paths = [write_view(tmp_path / str(i), v, kind, 3) for i, v in enumerate((view, again))]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_uids_differ_with_the_woman_the_kind_and_the_pixels(view):
    lighter = replace(view, pixels=view.pixels // 2)
    made = [
        mammogram_dataset(view, DicomKind(), 3),
        mammogram_dataset(view, DicomKind(), 4),
        mammogram_dataset(view, DicomKind(bits=14), 3),
        mammogram_dataset(lighter, DicomKind(), 3),
    ]
    instances = [dataset.SOPInstanceUID for dataset in made]
    assert len(set(instances)) == 4
    assert all(uid.is_valid and uid.startswith("2.25.") for uid in instances)
    assert [d.StudyInstanceUID == made[0].StudyInstanceUID for d in made] == [
        True,
        False,
        True,
        True,
    ]


def test_the_patient_is_plainly_fictitious(view):
    dataset = mammogram_dataset(view, DicomKind(), seed=3)
    assert dataset.PatientName == "SYNTHETIC^WOMAN 3"
    assert dataset.PatientID == "SYNTHETIC-3"
    assert "does not exist" in dataset.PatientComments


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"syntax": "JPEG XL"}, "syntax is 'JPEG XL'"),
        ({"syntax": "JPEG baseline"}, "JPEG baseline cannot hold 12 bits; give 8"),
        ({"bits": 11}, "bits is 11"),
        ({"voi": "gamma"}, "voi is 'gamma'"),
        ({"magnification": 0.5}, "magnification is 0.5"),
        ({"slices": -1}, "slices is -1"),
        ({"slices": 3, "photometric": "MONOCHROME1"}, "For Presentation and MONOCHROME2"),
    ],
)
def test_impossible_kinds_are_refused_by_name(wish, told):
    with pytest.raises(ConfigError, match=told):
        DicomKind(**wish)


@pytest.mark.parametrize(
    ("kind", "change", "told"),
    [
        (DicomKind(modifiers=("sideways",)), {}, "View modifier 'sideways'"),
        (DicomKind(), {"view": "PA"}, "View 'PA'"),
        (DicomKind(slices=3), {}, "slices is 3"),
    ],
)
def test_impossible_views_are_refused_by_name(view, kind, change, told):
    with pytest.raises(ConfigError, match=told):
        mammogram_dataset(replace(view, **change), kind, seed=3)


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.uint16), (10, np.uint8), (10, np.uint16)])
def test_pixels_that_do_not_fit_their_bits_are_refused(bits, dtype):
    pixels = np.full((40, 40), 2000 if dtype is np.uint16 else 200, dtype)
    with pytest.raises(ConfigError, match=f"do not fit {bits} bits"):
        set_pixels(pydicom.Dataset(), pixels, bits, "explicit")


def test_what_the_writer_needs_of_a_view_a_synthetic_view_has(view):
    assert isinstance(view, SyntheticView)
    assert (view.laterality, view.view) == ("L", "MLO")
