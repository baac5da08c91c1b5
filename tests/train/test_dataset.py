from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pictures import breast

pytest.importorskip("torch")
pd = pytest.importorskip("pandas")

from mammoscope.errors import ConfigError  # noqa: E402
from mammoscope.preprocess import PreprocessParams  # noqa: E402
from mammoscope.train.config import Stage  # noqa: E402
from mammoscope.train.dataset import (  # noqa: E402
    UNKNOWN,
    Images,
    TrainingSet,
    balanced_weights,
    load_training_set,
)

PARAMS = PreprocessParams(height=64, width=64)
HEAD = "image_path,patient_id,cancer,density,machine_id\n"


def folder_with(tmp_path: Path, *rows: str) -> Path:
    """A data folder of one readable image (a.png), one that is not (b.png), and a manifest."""
    cv2.imwrite(str(tmp_path / "a.png"), breast())
    (tmp_path / "b.png").write_bytes(b"")
    (tmp_path / "manifest.csv").write_text(HEAD + "\n".join(rows), encoding="utf-8")
    return tmp_path


def test_what_cannot_be_read_is_excluded_with_its_reason(tmp_path: Path) -> None:
    data = folder_with(tmp_path, "a.png,007,1,C,29", "b.png,008,0,,29", "c.png,009,0,A,29")
    loaded = load_training_set(data, PARAMS, tmp_path / "cache")
    assert loaded.pixels.shape == (1, 64, 64)
    assert loaded.rows["patient_id"].tolist() == ["007"]
    assert loaded.excluded["image_path"].tolist() == ["b.png", "c.png"]
    assert all(loaded.excluded["reason"].str.len() > 0)


def test_the_second_time_comes_from_the_cache(tmp_path: Path) -> None:
    data = folder_with(tmp_path, "a.png,1,1,C,29")
    first = load_training_set(data, PARAMS, tmp_path / "cache")
    (tmp_path / "a.png").unlink()
    second = load_training_set(data, PARAMS, tmp_path / "cache")
    assert (first.pixels == second.pixels).all()


def test_other_parameters_are_prepared_anew(tmp_path: Path) -> None:
    data = folder_with(tmp_path, "a.png,1,1,C,29")
    load_training_set(data, PARAMS, tmp_path / "cache")
    larger = load_training_set(data, PreprocessParams(96, 64), tmp_path / "cache")
    assert larger.pixels.shape == (1, 96, 64)


def test_unknown_density_is_unknown_and_not_a(tmp_path: Path) -> None:
    data = folder_with(tmp_path, "a.png,1,1,C,29", "a.png,2,0,,29", "a.png,3,0,A,29")
    loaded = load_training_set(data, PARAMS, tmp_path / "cache")
    assert loaded.density.tolist() == [2, UNKNOWN, 0]


def test_a_missing_manifest_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"manifest\.csv: no such file"):
        load_training_set(tmp_path, PARAMS, tmp_path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("image_path,cancer,density,machine_id\n")
    with pytest.raises(ConfigError, match="'patient_id' is missing"):
        load_training_set(tmp_path, PARAMS, tmp_path)


@pytest.mark.parametrize("cancer", ["", "2"])
def test_a_cancer_that_is_neither_yes_nor_no_is_named(tmp_path: Path, cancer: str) -> None:
    data = folder_with(tmp_path, "a.png,1,1,C,29", f"a.png,2,{cancer},C,29")
    with pytest.raises(ConfigError, match=r"'cancer' holds .* in row 3"):
        load_training_set(data, PARAMS, tmp_path / "cache")


def test_a_manifest_of_which_nothing_can_be_read_is_an_error(tmp_path: Path) -> None:
    data = folder_with(tmp_path, "b.png,1,1,C,29")
    with pytest.raises(ConfigError, match="none of its images can be used"):
        load_training_set(data, PARAMS, tmp_path / "cache")


def rows(machines: list[str | None], cancer: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"machine_id": machines, "cancer": cancer})


def test_both_classes_weigh_the_same_within_a_machine() -> None:
    table = rows(["1"] * 8 + ["2"] * 4, [1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1])
    table["weight"] = balanced_weights(table)
    mass = table.groupby(["machine_id", "cancer"])["weight"].sum().unstack()
    assert mass[0].to_numpy() == pytest.approx(mass[1].to_numpy())
    assert table["weight"].mean() == pytest.approx(1)


def test_a_rare_class_does_not_rule() -> None:
    weights = balanced_weights(rows(["1"] * 100, [1] + [0] * 99))
    assert weights.max() / weights.min() == pytest.approx(3 / (0.5 * 100 / 99))


def test_a_machine_with_one_class_weighs_least() -> None:
    weights = balanced_weights(rows(["1", "1", "2"], [1, 0, 0]))
    assert weights[2] == pytest.approx(weights[0] / 2)


def test_unknown_machines_count_as_one_machine() -> None:
    weights = balanced_weights(rows([None, None, "1", "1"], [1, 0, 1, 0]))
    assert weights == pytest.approx([1, 1, 1, 1])


def training_set() -> TrainingSet:
    table = rows(["1"] * 4, [1, 0, 0, 0]).assign(density="B")
    pixels = np.random.default_rng(0).integers(0, 256, (4, 64, 64), dtype=np.uint8)
    return TrainingSet(pixels, table, table.iloc[:0])


@pytest.mark.parametrize("augment", [False, True])
def test_an_item_has_the_stages_size_and_a_unit_range(augment: bool) -> None:
    images = Images(training_set(), np.array([2, 0]), Stage(1, 32, 64), augment=augment)
    item = images[1]
    assert len(images) == 2
    assert item.pixels.shape == (1, 32, 64)
    assert item.cancer.item() == 1
    if not augment:
        assert item.pixels.min() >= 0
        assert item.pixels.max() <= 1


def test_without_balance_every_image_weighs_one() -> None:
    plain = Images(training_set(), np.arange(4), Stage(1, 64, 64), augment=False, balance=False)
    assert [plain[i].weight.item() for i in range(4)] == [1, 1, 1, 1]


def test_what_is_not_augmented_is_the_picture_itself() -> None:
    data = training_set()
    item = Images(data, np.arange(4), Stage(1, 64, 64), augment=False)[3]
    assert (item.pixels[0].numpy() * 255).round() == pytest.approx(data.pixels[3])
