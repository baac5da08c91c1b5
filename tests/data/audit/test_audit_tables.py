"""What the auditor finds in the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from audit_example import audited, breast, kinds, table, views, write
from mammoscope.data.audit import fixed
from mammoscope.data.audit.labels import label_issues, value_issues
from mammoscope.data.audit.leaks import leak_issues, patient_issues
from mammoscope.data.manifest import make_manifest


def rows(tmp_path, count, **columns):
    """A manifest's tables of `count` images that are not looked at."""
    images = pd.DataFrame({"image_path": [f"{n}.png" for n in range(count)]})
    images = images.assign(dataset="d", patient_id="p", modality="mammography", **columns)
    return make_manifest(tmp_path, images).images


def found(issues):
    return [(issue.kind, issue.images) for issue in issues]


def test_a_woman_on_two_sides_leaks_and_is_not_named(tmp_path):
    images = rows(tmp_path, 3, split=["train", "test", ""]).assign(patient_id="anna")
    (issue,) = leak_issues(images)
    assert (issue.kind, issue.images) == ("patient_across_splits", ("0.png", "1.png"))
    assert issue.sentence == "One woman has 2 images, in test (1) and train (1)."


def test_women_of_two_sets_may_share_a_number(tmp_path):
    images = rows(tmp_path, 2, split=["train", "test"]).assign(dataset=["a", "b"])
    assert list(leak_issues(images)) == []


def test_an_exam_of_two_patients_leaks_and_is_an_error(tmp_path):
    images = rows(tmp_path, 12, exam_id=[*"aabcdefghijk"], split=["x", "y", *"x" * 10])
    images["patient_id"] = [f"p{n}" for n in range(12)]
    assert found(leak_issues(images)) == [("exam_across_splits", ("0.png", "1.png"))]
    assert found(patient_issues(images)) == [("exam_of_several_patients", ("0.png", "1.png"))]


def test_exam_numbers_that_start_anew_with_every_patient_are_no_exams(tmp_path):
    images = rows(tmp_path, 4, exam_id=[*"1212"], split=[*"xxyy"]).assign(patient_id=[*"aabb"])
    assert [*leak_issues(images), *patient_issues(images)] == []


def test_a_patient_for_every_image_is_told(tmp_path):
    images = rows(tmp_path, 20).assign(patient_id=[f"p{n}" for n in range(20)])
    assert [issue.kind for issue in patient_issues(images)] == ["patients_unknown"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"cancer": "0", "pathology": "malignant"}, "label_contradiction"),
        ({"cancer": "1", "pathology": "normal"}, "label_contradiction"),
        ({"cancer": "1", "finding": "0"}, "label_contradiction"),
        ({"cancer": "1", "birads": "1"}, "birads_contradiction"),
        ({"cancer": "0", "birads": "6"}, "birads_contradiction"),
        ({"pathology": "normal", "birads": "5"}, "birads_contradiction"),
    ],
)
def test_labels_that_exclude_each_other(tmp_path, values, kind):
    images = rows(tmp_path, 1, **values)
    findings = make_manifest(tmp_path, images).findings
    assert found(label_issues(images, findings)) == [(kind, ("0.png",))]


@pytest.mark.parametrize(
    "values",
    [
        {"cancer": "0", "birads": "0"},
        {"cancer": "0", "birads": "5", "pathology": "benign"},
        {"cancer": "1", "pathology": "malignant", "birads": "5"},
        {"cancer": "", "pathology": "malignant"},
    ],
)
def test_labels_that_may_stand_together(tmp_path, values):
    images = rows(tmp_path, 1, **values)
    assert list(label_issues(images, make_manifest(tmp_path, images).findings)) == []


def test_a_finding_may_not_contradict_its_image(tmp_path):
    images = rows(tmp_path, 3, cancer=["0", "1", "1"])
    findings = pd.DataFrame(
        {"image_path": ["0.png", "1.png", "2.png"], "pathology": ["malignant", "benign", ""]}
    )
    manifest = make_manifest(tmp_path, images, findings)
    sentences = [issue.sentence for issue in label_issues(manifest.images, manifest.findings)]
    assert sentences == ["Cancer is 0 and a finding is malignant.",
                         "Cancer is 1 and no finding is malignant."]  # fmt: skip


def test_ages_no_screened_woman_has(tmp_path):
    images = rows(tmp_path, 5, age=["0", "17.5", "18", "", "119"])
    assert [issue.images[0][0] for issue in value_issues(images)] == ["0", "1", "4"]


def test_images_of_one_exam_that_disagree(tmp_path):
    images = rows(tmp_path, 4, exam_id=[*"aabb"], age=["50", "58", "50", "51"])
    assert found(value_issues(images)) == [("exam_disagrees", ("0.png", "1.png"))]
    images = rows(tmp_path, 4, exam_id=[*"aabb"], density=[*"BDBC"])
    assert found(value_issues(images)) == [("exam_disagrees", ("0.png", "1.png"))]


def box(path, x1, y1, x2, y2):
    return {
        "image_path": path,
        "outline": "box",
        "x1_px": x1,
        "y1_px": y1,
        "x2_px": x2,
        "y2_px": y2,
    }


def test_places_against_the_picture(tmp_path):
    images = table(tmp_path)
    height, width = breast(0).shape
    y, x = (int(place.mean()) for place in np.nonzero(views()[1].breast_mask))
    findings = [
        box("1.png", x - 5, y - 5, x + 5, y + 5),
        box("1.png", x, y, x, y + 4),
        box("1.png", x, y, np.nan, y + 4),
        box("1.png", x, height + 9, x + 9, height + 20),
        box("1.png", x, height - 8, x + 9, height + 4),
        box("1.png", width - 12, height - 12, width - 2, height - 2),
    ]
    issues = audited(tmp_path, images, findings).by_kind()
    assert {kind: [issue.findings for issue in some] for kind, some in issues.items()} == {
        "box_empty": [(1,), (2,)],
        "box_outside_image": [(3,)],
        "box_over_edge": [(4,)],
        "box_off_breast": [(5,)],
    }


def test_the_fixed_manifest_drops_or_cuts_boxes(tmp_path):
    height = breast(0).shape[0]
    findings = [box("1.png", 4, 4, 4, 9), box("1.png", -5, 40, 15, height + 3)]
    after = fixed(audited(tmp_path, table(tmp_path), findings)).findings
    assert after[["x1_px", "y1_px", "x2_px", "y2_px"]].values.tolist() == [
        ["0", "40", "15", str(height)]
    ]


def test_masks_against_the_picture(tmp_path):
    images = table(tmp_path)
    shape = breast(0).shape
    write(tmp_path / "good.png", np.full(shape, 255, np.uint8))
    write(tmp_path / "empty.png", np.zeros(shape, np.uint8))
    write(tmp_path / "crop.png", np.full((40, 40), 255, np.uint8))
    names = ["good.png", "empty.png", "crop.png", "absent.png"]
    findings = [{"image_path": f"{n}.png", "outline": "mask", "mask_path": name}
                for n, name in enumerate(names)]  # fmt: skip
    found = audited(tmp_path, images, findings)
    assert kinds(found) == {
        "mask_unreadable": [("3.png",)],
        "mask_wrong_size": [("2.png",)],
        "mask_empty": [("1.png",)],
    }
    assert fixed(found).findings["mask_path"].tolist() == ["good.png"]


def test_a_stand_in_age_becomes_unknown(tmp_path):
    images = table(tmp_path)
    images.loc[images["patient_id"] == "anna0", "age"] = "0"
    after = fixed(audited(tmp_path, images)).images
    assert after["age"].tolist() == [""] * 4 + ["60"] * 4
