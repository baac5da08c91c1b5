from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pictures import breast, ultrasound

pytest.importorskip("torch")
pd = pytest.importorskip("pandas")

from mammoscope.errors import ConfigError  # noqa: E402
from mammoscope.train.config import Augment, Input, Recipe, Stage, Task  # noqa: E402
from mammoscope.train.dataset import (  # noqa: E402
    UNKNOWN,
    Images,
    TrainingSet,
    balanced_weights,
    load_training_set,
)
from mammoscope.train.maps import MALIGNANT, UNMARKED  # noqa: E402

HEAD = "image_path,patient_id,cancer,density,machine_id\n"
PICTURES = Input(kind="picture", height=64, width=64)
THREE = Task(target="pathology", classes=("normal", "benign", "malignant"), positive=("malignant",))


def recipe(height: int = 64, task: Task | None = None) -> Recipe:
    return Recipe("tiny", task=task or Task(), input=Input(height=height, width=64))


def folder_with(tmp_path: Path, *rows: str) -> Path:
    """A data folder of one readable image (a.png), one that is not (b.png), and a manifest."""
    cv2.imwrite(str(tmp_path / "a.png"), breast())
    (tmp_path / "b.png").write_bytes(b"")
    (tmp_path / "manifest.csv").write_text(HEAD + "\n".join(rows), encoding="utf-8")
    return tmp_path


def ultrasound_folder(tmp_path: Path, conflict: str = "0") -> Path:
    """One picture of each class, of which the second and third have a finding; the third's mask
    is the right half of the picture."""
    cv2.imwrite(str(tmp_path / "u.png"), ultrasound())
    mask = np.zeros(ultrasound().shape, np.uint8)
    mask[:, mask.shape[1] // 2 :] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    rows = [
        {"image_path": f"{name}.png", "patient_id": name, "pathology": name, "duplicate_group": ""}
        for name in (*THREE.classes, "more")
    ]
    rows[3] |= {"pathology": "benign", "patient_id": "malignant", "label_conflict": conflict}
    for row in rows:
        cv2.imwrite(str(tmp_path / row["image_path"]), ultrasound())
    pd.DataFrame(rows).to_csv(tmp_path / "manifest.csv", index=False)
    findings = [
        {"image_path": "benign.png", "outline": "", "mask_path": ""},
        {"image_path": "malignant.png", "outline": "mask", "mask_path": "mask.png"},
    ]
    pd.DataFrame(findings).to_csv(tmp_path / "findings.csv", index=False)
    return tmp_path


def test_an_empty_manifest_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"manifest\.csv: cannot be read as a table"):
        load_training_set(tmp_path, recipe(), tmp_path)


def test_what_cannot_be_read_is_excluded_with_its_reason(tmp_path: Path) -> None:
    rows = ("a.png,007,1,C,29", "b.png,008,0,,29", "a.png,010,0,A,29", "c.png,009,0,A,29")
    loaded = load_training_set(folder_with(tmp_path, *rows), recipe(), tmp_path / "cache")
    assert loaded.pixels.shape == (2, 64, 64)
    assert loaded.rows["patient_id"].tolist() == ["007", "010"]
    assert loaded.excluded["image_path"].tolist() == ["b.png", "c.png"]
    assert all(loaded.excluded["reason"].str.len() > 0)


def test_the_second_time_comes_from_the_cache(tmp_path: Path) -> None:
    data = folder_with(tmp_path, "a.png,1,1,C,29", "a.png,2,0,C,29")
    first = load_training_set(data, recipe(), tmp_path / "cache")
    (tmp_path / "a.png").unlink()
    second = load_training_set(data, recipe(), tmp_path / "cache")
    assert isinstance(second.pixels, np.memmap)
    assert (first.pixels == second.pixels).all()


def test_a_cache_that_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    data = folder_with(tmp_path, "a.png,1,1,C,29", "a.png,2,0,C,29")
    first = np.array(load_training_set(data, recipe(), tmp_path / "cache").pixels)
    next((tmp_path / "cache").glob("*.json")).unlink()
    next((tmp_path / "cache").glob("*.npy")).write_bytes(b"half")
    assert (load_training_set(data, recipe(), tmp_path / "cache").pixels == first).all()


def test_other_parameters_are_prepared_anew(tmp_path: Path) -> None:
    data = folder_with(tmp_path, "a.png,1,1,C,29", "a.png,2,0,C,29")
    load_training_set(data, recipe(), tmp_path / "cache")
    assert load_training_set(data, recipe(96), tmp_path / "cache").pixels.shape == (2, 96, 64)


def test_unknown_density_is_unknown_and_not_a(tmp_path: Path) -> None:
    data = folder_with(tmp_path, "a.png,1,1,C,29", "a.png,2,0,,29", "a.png,3,0,A,29")
    loaded = load_training_set(data, recipe(), tmp_path / "cache")
    assert loaded.density.tolist() == [2, UNKNOWN, 0]


def test_an_unknown_class_is_excluded_and_not_the_first(tmp_path: Path) -> None:
    data = folder_with(tmp_path, "a.png,1,1,C,29", "a.png,2,,C,29", "a.png,3,0,C,29")
    loaded = load_training_set(data, recipe(), tmp_path / "cache")
    assert loaded.target.tolist() == [1, 0]
    assert loaded.excluded["reason"].tolist() == ["its cancer is not known"]


def test_a_missing_manifest_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"manifest\.csv: no such file"):
        load_training_set(tmp_path, recipe(), tmp_path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("image_path,cancer,density,machine_id\n")
    with pytest.raises(ConfigError, match="'patient_id' is missing"):
        load_training_set(tmp_path, recipe(), tmp_path)


def test_a_class_that_no_image_has_is_named(tmp_path: Path) -> None:
    data = folder_with(tmp_path, "a.png,1,0,C,29", "a.png,2,0,C,29")
    with pytest.raises(ConfigError, match=r"no usable image has cancer '1'; the column holds '0'"):
        load_training_set(data, recipe(), tmp_path / "cache")


def test_a_group_that_is_no_column_is_named(tmp_path: Path) -> None:
    data = folder_with(tmp_path, "a.png,1,1,C,29", "a.png,2,0,C,29")
    with pytest.raises(ConfigError, match=r"task\.group is 'clinic'"):
        load_training_set(data, recipe(task=Task(group="clinic")), tmp_path / "cache")


def test_a_manifest_of_which_nothing_can_be_read_is_an_error(tmp_path: Path) -> None:
    data = folder_with(tmp_path, "b.png,1,1,C,29", "b.png,2,0,C,29")
    with pytest.raises(ConfigError, match="none of its images can be used"):
        load_training_set(data, recipe(), tmp_path / "cache")


def three_classes(folder: Path, task: Task = THREE) -> TrainingSet:
    return load_training_set(folder, Recipe("tiny", task=task, input=PICTURES), folder / "cache")


def test_ultrasound_is_read_where_a_mammogram_is_wanted_it_would_be_refused(
    tmp_path: Path,
) -> None:
    loaded = three_classes(ultrasound_folder(tmp_path))
    assert loaded.target.tolist() == [0, 1, 2, 1]
    assert loaded.positive.tolist() == [False, False, True, False]


def test_a_mask_covers_its_cells_and_an_unknown_place_none(tmp_path: Path) -> None:
    maps = three_classes(ultrasound_folder(tmp_path)).maps
    assert maps is not None
    assert (maps[0] == 0).all()  # normal: nothing is marked
    assert (maps[1] == UNKNOWN).all()
    # The picture is 240 x 320 in 64 x 64: 48 rows, 8 of the letterbox above and below.
    assert maps[2] == pytest.approx(np.array([[0, 0.75], [0, 0.75]]), abs=0.02)


def test_labels_that_contradict_a_duplicates_are_left_out(tmp_path: Path) -> None:
    loaded = three_classes(ultrasound_folder(tmp_path, conflict="1"))
    assert loaded.excluded["image_path"].tolist() == ["more.png"]
    assert "contradicts" in loaded.excluded["reason"].iloc[0]


def test_duplicates_of_two_classes_contradict_each_other(tmp_path: Path) -> None:
    folder = ultrasound_folder(tmp_path)
    table = pd.read_csv(folder / "manifest.csv", dtype=str, keep_default_na=False)
    more = table.iloc[[1]].assign(image_path="malignant.png", duplicate_group="pair")
    other = table.iloc[[2]].assign(image_path="benign.png", duplicate_group="pair")
    pd.concat([table, more, other]).to_csv(folder / "manifest.csv", index=False)
    loaded = three_classes(folder)
    assert len(loaded.rows) == 4
    assert len(loaded.excluded) == 2


def test_a_woman_is_one_group_and_any_other_column_is_taken_at_its_word(tmp_path: Path) -> None:
    folder = ultrasound_folder(tmp_path)
    group = three_classes(folder).group
    assert group[2] == group[3]
    assert len(set(group)) == 3
    by_image = Task(THREE.target, THREE.classes, THREE.positive, group="image_path")
    assert len(set(three_classes(folder, by_image).group)) == 4


def weights(machines: list[str], target: list[int]) -> np.ndarray:
    return balanced_weights(pd.Series(machines), np.array(target))


def test_all_classes_weigh_the_same_within_a_machine() -> None:
    table = pd.DataFrame({"machine": ["1"] * 9 + ["2"] * 6})
    table["target"] = [0, 0, 0, 0, 1, 1, 1, 2, 2, 0, 1, 1, 2, 2, 2]
    table["weight"] = weights(table["machine"].tolist(), table["target"].tolist())
    mass = table.groupby(["machine", "target"])["weight"].sum().unstack()
    assert mass.to_numpy() == pytest.approx(np.repeat(mass[[0]].to_numpy(), 3, axis=1))
    assert table["weight"].mean() == pytest.approx(1)


def test_a_rare_class_does_not_rule() -> None:
    found = weights(["1"] * 100, [1] + [0] * 99)
    assert found.max() / found.min() == pytest.approx(3 / (0.5 * 100 / 99))


def test_a_machine_with_one_class_weighs_least() -> None:
    found = weights(["1", "1", "2"], [1, 0, 0])
    assert found[2] == pytest.approx(found[0] / 2)


def training_set() -> TrainingSet:
    """Four images, the first of which is marked in its lower half and the last unknown."""
    random = np.random.default_rng(0)
    marks = np.zeros((4, 16, 16), np.uint8)
    marks[0, 8:] = MALIGNANT
    marks[3] = UNMARKED
    return TrainingSet(
        pixels=random.integers(0, 256, (4, 64, 64), dtype=np.uint8),
        rows=pd.DataFrame({"image_path": list("abcd")}),
        target=np.array([1, 0, 0, 0]),
        positive=np.array([True, False, False, False]),
        density=np.array([1, UNKNOWN, 1, 1]),
        group=np.array(list("abcd")),
        weight=np.ones(4, np.float32),
        marks=marks,
        excluded=pd.DataFrame(),
    )


@pytest.mark.parametrize("augment", [None, Augment()])
def test_an_item_has_the_stages_size_and_a_unit_range(augment: Augment | None) -> None:
    images = Images(training_set(), np.array([2, 0]), Stage(1, 32, 64), augment)
    item = images[1]
    assert len(images) == 2
    assert item.pixels.shape == (1, 32, 64)
    assert item.lesion_map.shape == (2, 1, 2)
    assert item.target.item() == 1
    assert 0 <= item.pixels.min() <= item.pixels.max() <= 1


def test_what_is_not_augmented_is_the_picture_itself() -> None:
    data = training_set()
    item = Images(data, np.arange(4), Stage(1, 64, 64))[0]
    assert (item.pixels[0].numpy() * 255).round() == pytest.approx(data.pixels[0])
    assert item.lesion_map.tolist() == [[[0, 0], [1, 1]]] * 2


def test_the_map_is_mirrored_with_the_picture() -> None:
    turned = Augment(degrees=0, translate=0, scale=(1, 1), shear=0, flip_vertical=True)
    images = Images(training_set(), np.arange(4), Stage(1, 64, 64), turned)
    seen = {tuple(images[0].lesion_map[0, :, 0].tolist()) for _ in range(40)}
    assert seen == {(0.0, 1.0), (1.0, 0.0)}


def test_an_unknown_place_stays_unknown_under_augmentation() -> None:
    item = Images(training_set(), np.arange(4), Stage(1, 64, 64), Augment())[3]
    assert (item.lesion_map == UNKNOWN).all()


def test_without_findings_every_map_is_unknown(tmp_path: Path) -> None:
    data = folder_with(tmp_path, "a.png,1,1,C,29", "a.png,2,0,C,29")
    loaded = load_training_set(data, recipe(), tmp_path / "cache")
    assert loaded.maps is None
    item = Images(loaded, np.arange(2), Stage(1, 64, 64))[0]
    assert (item.lesion_map == UNKNOWN).all()
