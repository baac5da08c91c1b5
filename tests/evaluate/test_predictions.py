import csv

import pytest

from mammoscope.errors import ConfigError
from mammoscope.evaluate.crossval import main
from mammoscope.evaluate.predictions import MANIFEST_COLUMNS, PREDICTION_COLUMNS, read_images


def case(number, **changes):
    """An image of a woman of her own: truth and prediction in one row."""
    row = {
        "image_path": f"{number}.png",
        "patient_id": f"secret{number}",
        "laterality": "LR"[number % 2],
        "view": "CC",
        "cancer": number % 3 == 0,
        "density": "B",
        "implant": "0",
        "site_id": "1",
        "machine_id": "29",
        "black": "False",
        "fold": number % 2,
        "malignancy_logit": number / 10,
        "density_A": 0.1,
        "density_B": 0.6,
        "density_C": 0.2,
        "density_D": 0.1,
    }
    row["cancer"] = int(row["cancer"])
    return row | changes


def save(folder, rows, predictions=None, columns=PREDICTION_COLUMNS):
    paths = folder / "predictions.csv", folder / "manifest.csv"
    tables = ((columns, rows if predictions is None else predictions), (MANIFEST_COLUMNS, rows))
    for path, (names, table) in zip(paths, tables, strict=True):
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, names, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(table)
    return paths


def test_rows_are_joined_by_path_not_by_order(tmp_path):
    rows = [case(i) for i in range(12)]
    images = read_images(*save(tmp_path, rows, rows[::-1]))
    assert images.logit.tolist() == [i / 10 for i in range(12)]
    assert images.truth.tolist() == [int(i % 3 == 0) for i in range(12)]
    assert images.excluded == ()


def test_every_image_left_out_is_listed_with_its_reason_and_truth(tmp_path):
    rows = [case(i) for i in range(12)]
    rows[2]["black"] = "True"
    rows[3] |= {"refused": "no breast found", "malignancy_logit": ""}
    paths = save(tmp_path, rows, rows[:-1], (*PREDICTION_COLUMNS, "refused"))
    images = read_images(*paths)
    assert [(e.image_path, e.reason, e.cancer) for e in images.excluded] == [
        ("2.png", "black image", 0),
        ("3.png", "refused: no breast found", 1),
        ("11.png", "no prediction", 0),
    ]
    assert len(images.truth) == 9


def test_unknown_density_is_marked(tmp_path):
    rows = [case(i, density="" if i else "D") for i in range(12)]
    assert read_images(*save(tmp_path, rows)).density_truth.tolist() == [3] + [-1] * 11


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"malignancy_logit": "nan"}, "malignancy_logit of 5.png is 'nan'"),
        ({"malignancy_logit": ""}, "not a finite number"),
        ({"malignancy_logit": "inf"}, "not a finite number"),
        ({"density_A": 0.9}, "probabilities that sum to 1"),
        ({"density_C": "high"}, "density_C of 5.png"),
        ({"fold": 0.5}, "not an integer"),
        ({"cancer": 2}, "must be 0 or 1"),
        ({"density": "E"}, "A, B, C, D or empty"),
        ({"laterality": ""}, "L or R"),
        ({"patient_id": "secret4"}, "split by patient"),
        ({"image_path": "4.png"}, "listed twice"),
    ],
)
def test_a_wrong_value_is_named_with_its_image(tmp_path, capsys, changes, says):
    rows = [case(i) for i in range(12)]
    rows[5] |= changes
    paths = save(tmp_path, rows)
    assert main([*map(str, paths), "--out", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert says in message
    assert message.count("\n") == 1
    assert "secret" not in message


def test_an_image_the_manifest_does_not_know_is_refused(tmp_path):
    rows = [case(i) for i in range(12)]
    paths = save(tmp_path, rows, [*rows, case(99)])
    with pytest.raises(ConfigError, match=r"99\.png.*is not in"):
        read_images(*paths)


def test_a_missing_column_is_named(tmp_path):
    paths = save(tmp_path, [case(1)], columns=("image_path", "fold"))
    with pytest.raises(ConfigError, match="column 'malignancy_logit' is missing"):
        read_images(*paths)


def test_one_class_only_ends_in_a_sentence(tmp_path, capsys):
    paths = save(tmp_path, [case(i, cancer=0) for i in range(12)])
    assert main([*map(str, paths), "--out", str(tmp_path / "out")]) == 2
    assert "one class" in capsys.readouterr().err


def test_one_fold_is_no_cross_validation(tmp_path):
    with pytest.raises(ConfigError, match="one fold"):
        read_images(*save(tmp_path, [case(i, fold=0) for i in range(12)]))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'image_path\n"open'])
def test_what_is_no_csv_is_refused(tmp_path, content):
    paths = save(tmp_path, [case(1)])
    paths[0].write_bytes(content)
    with pytest.raises(ConfigError, match=r"predictions\.csv"):
        read_images(*paths)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.csv"):
        read_images(tmp_path / "none.csv", tmp_path / "none.csv")
