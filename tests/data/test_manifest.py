from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pd = pytest.importorskip("pandas")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from mammoscope.data.columns import FINDINGS, IMAGES  # noqa: E402
from mammoscope.data.manifest import (  # noqa: E402
    make_manifest,
    moved,
    problems,
    read_manifest,
    write_manifest,
)
from mammoscope.errors import ConfigError  # noqa: E402

FOLDER = Path("folder")


def images(count: int = 3, **columns):
    return pd.DataFrame(
        {
            "image_path": [f"{n}.png" for n in range(count)],
            "dataset": "drawn",
            "patient_id": [f"secret{n}" for n in range(count)],
            "modality": "mammography",
            **columns,
        }
    )


def findings(**columns):
    return pd.DataFrame({"image_path": ["0.png", "1.png"], "kind": "mass", **columns})


def refusal(table, marks=None) -> str:
    with pytest.raises(ConfigError) as caught:
        make_manifest(FOLDER, table, marks)
    return str(caught.value)


@pytest.mark.parametrize(
    ("column", "value", "allowed"),
    [
        ("cancer", "yes", "0, 1"),
        ("laterality", "left", "L, R"),
        ("modality", "MRI", "mammography, ultrasound, histology"),
        ("pathology", "BENIGN", "normal, benign, malignant"),
        ("density", "0", "A, B, C, D"),
        ("birads", "7", "a whole number from 0 to 6"),
        ("birads", "4a", "a whole number from 0 to 6"),
        ("birads", "2.5", "a whole number from 0 to 6"),
        ("age", "-1", "a number from 0 to 120"),
        ("age", "130", "a number from 0 to 120"),
        ("age", "inf", "a number from 0 to 120"),
        ("dataset", "", "text"),
    ],
)
def test_a_wrong_value_is_named_by_file_row_column_value_and_what_is_allowed(
    column: str, value: str, allowed: str
) -> None:
    table = images()
    table[column] = table.get(column, pd.Series("", table.index, dtype=object))
    table.loc[1, column] = value
    assert refusal(table) == (
        f"folder: row 3, column '{column}' holds {value!r}; allowed: {allowed}."
    )


def test_a_wrong_value_of_a_file_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    images(cancer=["0", "1", "2"]).to_csv(path, index=False)
    with pytest.raises(ConfigError, match=r"manifest\.csv: row 4, column 'cancer' holds '2'"):
        read_manifest(path)


def test_a_wrong_finding_is_named_as_one() -> None:
    text = refusal(images(), findings(x1_px=["3", "left"]))
    assert text == "folder (findings): row 3, column 'x1_px' holds 'left'; allowed: a number."


def test_a_finding_of_no_image_is_refused() -> None:
    marks = findings().assign(image_path=["0.png", "9.png"])
    assert "row 3, column 'image_path' holds '9.png'; allowed: a path of" in refusal(
        images(), marks
    )


def test_a_path_stands_once() -> None:
    table = images().assign(image_path=["a.png", "b.png", "a.png"])
    assert "row 4, column 'image_path' holds 'a.png'; allowed: each path once" in refusal(table)


def test_how_many_more_is_told() -> None:
    assert refusal(images(cancer=["x", "y", "z"])).endswith("(2 more).")


def test_a_patient_is_never_in_a_message() -> None:
    manifest = make_manifest(FOLDER, images())
    wrong = manifest.images.assign(cancer="x", laterality="left")
    wrong.loc[2, "patient_id"] = ""
    texts = [str(problem) for problem in problems(replace(manifest, images=wrong))]
    assert "row 4, column 'patient_id' allowed: text" in texts
    assert not any("secret" in text for text in texts)


def test_a_required_column_that_is_missing_is_named() -> None:
    assert "no column 'patient_id'" in refusal(images().drop(columns="patient_id"))


def test_unknown_is_empty_and_never_nought() -> None:
    table = images(cancer=[1, 0, None], age=[52.0, float("nan"), 61.5], birads=pd.NA)
    manifest = make_manifest(FOLDER, table)
    assert manifest.images["cancer"].tolist() == ["1", "0", ""]
    assert manifest.images["age"].tolist() == ["52", "", "61.5"]
    assert manifest.images["birads"].tolist() == ["", "", ""]
    assert manifest.images["density"].tolist() == ["", "", ""]


def test_yes_and_no_may_be_truth_values() -> None:
    manifest = make_manifest(FOLDER, images(implant=[True, False, True]))
    assert manifest.images["implant"].tolist() == ["1", "0", "1"]


def test_all_columns_are_there_in_order_and_more_are_kept() -> None:
    manifest = make_manifest(FOLDER, images(energy="low"), findings())
    assert list(manifest.images) == [*(column.name for column in IMAGES), "energy"]
    assert list(manifest.findings) == [column.name for column in FINDINGS]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_what_is_written_is_read(tmp_path: Path, form) -> None:
    table = images(label_text=['a "quoted", word', "two\nlines", "NA"], age=[52, None, 61.5])
    manifest = make_manifest(tmp_path, table, findings(x1_px=[1.25, None], kind="mass"))
    write_manifest(manifest, tmp_path, form)
    again = read_manifest(tmp_path)
    assert again.images.to_dict("list") == manifest.images.to_dict("list")
    assert again.findings.to_dict("list") == manifest.findings.to_dict("list")
    assert again.sha256 == manifest.sha256
    assert again.path("0.png") == tmp_path / "0.png"


@settings(max_examples=20, deadline=None)
# Line ends that CSV readers take for the end of a line are not among the letters.
@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=20))
def test_any_text_survives_a_csv_file(tmp_path_factory, text: str) -> None:
    folder = tmp_path_factory.mktemp("text")
    manifest = make_manifest(folder, images(label_text=text))
    again = read_manifest(write_manifest(manifest, folder))
    assert again.images["label_text"].tolist() == [text] * 3


def test_findings_that_are_no_more_are_not_left_in_the_folder(tmp_path: Path) -> None:
    write_manifest(make_manifest(tmp_path, images(), findings()), tmp_path)
    write_manifest(make_manifest(tmp_path, images()), tmp_path)
    assert len(read_manifest(tmp_path).findings) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.csv"]


def test_a_changed_value_changes_the_hash() -> None:
    one, other = (make_manifest(FOLDER, images(cancer=value)) for value in ("0", "1"))
    assert one.sha256 != other.sha256


def test_a_file_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    images().to_csv(path, index=False, encoding="utf-8-sig")
    assert read_manifest(path).images["image_path"].tolist() == ["0.png", "1.png", "2.png"]


def test_no_manifest_and_no_table_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no manifest there"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.parquet").write_bytes(b"no table")
    with pytest.raises(ConfigError, match=r"manifest\.parquet: cannot be read as a table"):
        read_manifest(tmp_path)


def test_columns_are_documented_and_named_once() -> None:
    for columns in (IMAGES, FINDINGS):
        assert len({column.name for column in columns}) == len(columns)
        assert all(column.meaning.endswith((".", "...")) for column in columns)
        assert all(bool(column.choices) == (column.kind == "choice") for column in columns)


def test_a_long_number_stays_exact(tmp_path: Path) -> None:
    table = images().assign(patient_id=12345678901.0, age=40.25)
    made = make_manifest(tmp_path, table).images
    assert set(made["patient_id"]) == {"12345678901"}
    assert set(made["age"]) == {"40.25"}


def test_a_carriage_return_ends_no_row(tmp_path: Path) -> None:
    made = make_manifest(tmp_path, images().assign(label_text="a\rb\r\nc"))
    write_manifest(made, tmp_path)
    assert set(read_manifest(tmp_path).images["label_text"]) == {"a\nb\nc"}


def test_all_paths_move_with_the_manifest(tmp_path: Path) -> None:
    made = make_manifest(
        tmp_path / "data", images().assign(tissue_mask_path="m/a.png", site_id="1")
    )
    there = moved(made, tmp_path / "out")
    assert set(there.images["tissue_mask_path"]) == {"../data/m/a.png"}
    assert there.path(there.images["image_path"][0]).resolve() == made.path(
        made.images["image_path"][0]
    )
    assert set(there.images["site_id"]) == {"1"}
