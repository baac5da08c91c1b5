import json

import numpy as np
import pytest

from evaluation_files import PREDICTED, saved, women, write
from mammoscope.errors import ConfigError
from mammoscope.evaluate.joining import join
from mammoscope.evaluate.predictions import read_boxes, read_predictions
from mammoscope.evaluate.truth import read_truth

PLAIN = ("image_path", "malignancy")


def joined(paths, **options):
    predictions, manifest = paths
    return join(read_truth(manifest), read_predictions(predictions, **options))


def test_rows_are_joined_by_path_not_by_order(tmp_path):
    rows = women(12)
    found = joined(saved(tmp_path, rows, rows[::-1]))
    assert found.models[0].values.tolist() == [float(row["malignancy_logit"]) for row in rows]
    assert found.cancer.tolist() == [row["cancer"] for row in rows]
    assert found.unit == "image"
    assert found.excluded == ()


def test_every_row_left_out_is_listed_with_its_reason_and_truth(tmp_path):
    rows = women(12)
    rows[2]["black"] = "True"
    rows[3] |= {"refused": "no breast found", "malignancy_logit": ""}
    rows[4]["malignancy_logit"] = ""
    rows[5]["cancer"] = ""
    found = joined(saved(tmp_path, rows, rows[:-1], (*PREDICTED, "refused")))
    assert [one.reason for one in found.excluded] == [
        "black image", "refused: no breast found", "no score given", "the truth is unknown",
        "no prediction",
    ]  # fmt: skip
    assert found.excluded[1].row == "line 5"
    assert found.excluded[3].cancer == -1
    assert len(found.cancer) == len(rows) - 5


def test_paths_that_start_from_another_folder_are_found_by_their_end(tmp_path):
    rows = women(6)
    moved = [row | {"image_path": f"../elsewhere/{row['image_path']}"} for row in rows]
    paths = saved(tmp_path, moved, rows)
    assert len(joined(paths).cancer) == len(rows)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_path": "unknown.png"}, "is not in"),
        ({"image_path": "images/1_L_CC.png"}, "a second prediction"),
        ({"malignancy_logit": "high"}, "line 2: malignancy_logit is 'high', not a number"),
        ({"malignancy_logit": "inf"}, "not within"),
        ({"fold": "1.5"}, "fold is 1.5, not a whole number"),
        ({"fold": "3"}, "more than one fold"),
        ({"density_A": "0.9"}, "probabilities that sum to 1"),
    ],
)
def test_bad_predictions_are_refused_with_line_and_value(tmp_path, change, message):
    rows = women(8)
    paths = saved(tmp_path, rows, [rows[0] | change, *rows[1:]])
    with pytest.raises(ConfigError, match=message) as caught:
        joined(paths)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cancer": "2"}, "cancer is 2; it must be 0, 1 or empty"),
        ({"cancer": "yes"}, "cancer is 'yes', not a number"),
        ({"density": "E"}, "density is 'E'"),
        ({"image_path": "images/1_L_CC.png"}, "listed twice"),
    ],
)
def test_bad_truth_is_refused_with_line_and_value(tmp_path, change, message):
    rows = women(8)
    predictions, _ = saved(tmp_path, rows)
    manifest = saved(tmp_path, [rows[0] | change, *rows[1:]], rows)[1]
    with pytest.raises(ConfigError, match=message):
        joined((predictions, manifest))


def test_a_probability_outside_0_to_1_says_what_to_do(tmp_path):
    rows = women(8)
    rows[1]["malignancy"] = "1.5"
    paths = saved(tmp_path, rows, columns=PLAIN)
    with pytest.raises(ConfigError, match=r"line 3: malignancy is 1.5.*--ranks-only"):
        joined(paths)
    assert joined(paths, ranks_only=True).models[0].kind == "rank"


def test_other_names_of_columns_are_taken_by_rename_and_score(tmp_path):
    rows = [
        {"case": n // 2, "side": "LR"[n % 2], "label": n % 3 == 0, "ai": 0.1, "other": 0.2}
        for n in range(12)
    ]
    rows = [row | {"label": int(row["label"])} for row in rows]
    path = write(tmp_path / "study.csv", list(rows[0]), rows)
    rename = {"case": "patient_id", "side": "laterality", "label": "cancer"}
    found = join(read_truth(path, rename), read_predictions(path, rename, ["ai", "other"]))
    assert found.unit == "breast"
    assert [model.name for model in found.models] == ["ai", "other"]
    assert found.label[0] == "line 2"


def test_a_missing_column_says_how_to_name_it(tmp_path):
    path = write(tmp_path / "t.csv", ["patient_id", "label"], [{"patient_id": 1, "label": 0}])
    with pytest.raises(ConfigError, match=r"'cancer' is missing .*--rename THEIRS=cancer"):
        read_truth(path)


def test_predictions_by_breast_meet_a_truth_by_image(tmp_path):
    rows = women(10)
    breasts = [row for row in rows if row["view"] == "CC"]
    paths = saved(tmp_path, rows, breasts, ("patient_id", "laterality", "malignancy"))
    found = joined(paths)
    assert found.unit == "breast"
    assert found.cancer.tolist() == [row["cancer"] for row in breasts]


def test_what_predict_prints_is_read_with_its_boxes_and_refusals(tmp_path):
    rows = women(3)
    images = [
        {"path": row["image_path"], "malignancy": 0.25, "refused": None,
         "density": {"A": 0.1, "B": 0.2, "C": 0.3, "D": 0.4},
         "findings": [{"box_px": [1, 2, 3, 4], "score": 0.5}]}
        for row in rows
    ]  # fmt: skip
    images[0] |= {"malignancy": None, "density": None, "findings": [], "refused": "blank"}
    lines = [json.dumps({"images": images[n : n + 4]}) for n in (0, 4, 8)]
    (tmp_path / "exams.jsonl").write_text("\n".join(lines))
    manifest = saved(tmp_path, rows)[1]
    model = read_predictions(tmp_path / "exams.jsonl")[0]
    assert len(model.boxes) == 11
    found = join(read_truth(manifest), [model])
    assert found.excluded[0].reason == "refused: blank"
    assert np.allclose(found.models[0].values, 0.25)


def test_an_image_without_density_does_not_forbid_the_others(tmp_path):
    rows = women(8)
    rows[0] |= {f"density_{g}": "" for g in "ABCD"}
    found = joined(saved(tmp_path, rows))
    assert np.isnan(found.models[0].density[0]).all()


def test_boxes_need_all_edges(tmp_path):
    columns = ("image_path", "x1_px", "y1_px", "x2_px", "y2_px", "score")
    path = write(tmp_path / "b.csv", columns, [dict.fromkeys(columns, "1") | {"x2_px": ""}])
    with pytest.raises(ConfigError, match="line 2: x2_px is empty"):
        read_boxes(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'a,b\n"1,2\n'])
def test_a_file_that_is_no_table_is_refused(tmp_path, content):
    (tmp_path / "p.csv").write_bytes(content)
    with pytest.raises(ConfigError, match=r"p\.csv"):
        read_predictions(tmp_path / "p.csv")


def test_women_without_a_code_are_told_of(tmp_path):
    rows = women(5)
    predictions, _ = saved(tmp_path, rows)
    manifest = write(tmp_path / "m.csv", ("image_path", "cancer"), rows)
    found = joined((predictions, manifest))
    assert "intervals are too narrow" in found.warnings[0]
