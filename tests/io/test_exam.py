from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscope.errors import CorruptError
from mammoscope.io import ExamFiles, load_exam, read_exam, scan
from mammoscope.io.exam import _unique
from pictures import breast

FOUR = ("L_CC", "L_MLO", "R_CC", "R_MLO")


def put(folder: Path, *names: str) -> list[Path]:
    """Write a mammogram under each name; its side follows the name."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.png" for name in names]
    for path in paths:
        side = "R" if "R_" in path.name else "L"
        path.write_bytes(imagecodecs.png_encode(breast(side)))
    return paths


def named(exams: list[ExamFiles]) -> dict[str, list[str]]:
    return {exam.id: [Path(path).stem for path in exam.paths] for exam in exams}


def test_a_folder_of_four_views_is_one_exam_named_after_it(tmp_path):
    put(tmp_path / "study", *FOUR)
    assert named(scan([tmp_path / "study"])) == {"study": list(FOUR)}


def test_names_that_agree_without_the_view_are_one_exam(tmp_path):
    put(tmp_path, "P1_L_CC", "P1_R_CC", "P2_L_CC", "P2_R_MLO", "P2_R_MLO_")
    assert named(scan([tmp_path])) == {
        "P1": ["P1_L_CC", "P1_R_CC"],
        "P2": ["P2_L_CC", "P2_R_MLO", "P2_R_MLO_"],
    }


def test_four_different_names_with_one_of_each_view_are_one_exam(tmp_path):
    put(tmp_path / "case", "7_L_CC", "8_L_MLO", "9_R_CC", "10_R_MLO")
    assert [len(exam.paths) for exam in scan([tmp_path])] == [4]
    put(tmp_path / "case", "11_R_CC")
    assert len(scan([tmp_path])) == 5


def test_images_without_a_view_are_exams_of_their_own(tmp_path):
    put(tmp_path, "105_1", "105_2")
    assert named(scan([tmp_path])) == {"105_1": ["105_1"], "105_2": ["105_2"]}


def test_equal_ids_are_numbered(tmp_path):
    put(tmp_path / "a" / "exam", *FOUR)
    put(tmp_path / "b" / "exam", *FOUR)
    assert [exam.id for exam in scan([tmp_path])] == ["exam", "exam-2"]


@given(st.lists(st.sampled_from(["a", "a-2", "a-2-2", "b"]), max_size=8))
def test_ids_are_always_unique(ids):
    assert len(set(_unique(ids))) == len(ids)


def test_folders_are_searched_past_hidden_and_foreign_files(tmp_path):
    put(tmp_path / "in" / "deep", "L_CC")
    put(tmp_path / ".hidden", "R_CC")
    for name in ("table.csv", "notes.TXT", "DICOMDIR", ".L_MLO.png"):
        (tmp_path / "in" / name).write_text("x")
    assert named(scan([tmp_path])) == {"deep": ["L_CC"]}


def test_a_file_given_twice_counts_once(tmp_path):
    (path,) = put(tmp_path, "L_CC")
    assert len(scan([tmp_path, path, str(path)])[0].paths) == 1


@pytest.mark.parametrize("name", ["none.png", "table.csv", "empty"])
def test_a_given_path_without_image_is_told(tmp_path, name):
    (tmp_path / "table.csv").write_text("a,b")
    (tmp_path / "empty").mkdir()
    (found,) = scan([tmp_path / name])
    exam = load_exam(found)
    assert exam.images == ()
    assert name in exam.unreadable[0].reason


def test_a_bad_file_does_not_stop_the_good_ones(tmp_path):
    put(tmp_path, *FOUR)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    (tmp_path / "junk").write_bytes(b"junk")
    exams = [load_exam(files) for files in scan([tmp_path])]
    assert sum(len(exam.images) for exam in exams) == 4
    assert sum(len(exam.unreadable) for exam in exams) == 2
    junk = next(u for exam in exams for u in exam.unreadable if u.path.endswith("junk"))
    assert not junk.refused
    assert any(len(exam.images) == 4 and junk in exam.unreadable for exam in exams)


def test_images_hang_in_reading_order(tmp_path):
    put(tmp_path, *FOUR, "L_ML")
    exam = read_exam(tmp_path)
    hung = [(image.laterality, image.view) for image in exam.images]
    assert hung == [("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO"), ("L", "ML")]
    assert exam.warnings == ()


def test_unknown_views_and_repeats_are_told(tmp_path):
    put(tmp_path, "a", "L_CC", "b_L_CC")
    warnings = " ".join(read_exam(tmp_path).warnings)
    assert "a.png: laterality and view unknown" in warnings
    assert "2 images of L CC" in warnings


def test_read_exam_takes_everything_as_one_exam(tmp_path):
    paths = put(tmp_path, "P1_L_CC", "P2_R_CC")
    assert len(read_exam(paths).images) == 2
    assert len(read_exam(str(paths[0])).images) == 1


def test_read_exam_says_why_nothing_could_be_read(tmp_path):
    with pytest.raises(CorruptError, match="no such file"):
        read_exam(tmp_path / "none.png")
    with pytest.raises(ValueError, match="at least one"):
        read_exam([])


def test_refused_pictures_are_marked_as_such(tmp_path):
    (tmp_path / "black.png").write_bytes(imagecodecs.png_encode(np.zeros((99, 99), np.uint8)))
    (entry,) = load_exam(scan([tmp_path])[0]).unreadable
    assert entry.refused
    assert "blank" in entry.reason


def test_the_four_view_sample_is_one_exam(data_dir):
    (files,) = scan([data_dir / "samples" / "ffdm"])
    assert (files.id, len(files.paths)) == ("gmic_0", 4)


def test_dicom_files_of_one_study_are_one_exam_with_a_nameless_id(data_dir):
    (files,) = scan([data_dir / "samples" / "dicom"])
    assert len(files.paths) == 2
    assert len(files.id) == 16
