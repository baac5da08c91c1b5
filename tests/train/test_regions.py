from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.special import logit

from classifier_example import REGION, write_classifier

torch = pytest.importorskip("torch")
pd = pytest.importorskip("pandas")

from mammoscope.infer.classifier import Classifier  # noqa: E402
from mammoscope.infer.engine import Engine  # noqa: E402
from mammoscope.infer.region import judge_region  # noqa: E402
from mammoscope.io import read_picture  # noqa: E402
from mammoscope.train.config import Recipe, load_recipe  # noqa: E402
from mammoscope.train.dataset import TrainingSet, load_training_set  # noqa: E402
from mammoscope.train.regions import region_predictions  # noqa: E402

RECIPE = """
name = "tiny"
network = "plain_cnn"
weights = "none"
folds = 2
[task]
target = "pathology"
classes = ["benign", "malignant"]
positive = ["malignant"]
group = "patient_id"
[input]
kind = "picture"
height = 64
width = 64
"""


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    """The brighter a region, the likelier malignant."""
    folder = tmp_path_factory.mktemp("weights") / "rg"
    return Classifier.load("region", write_classifier(folder, "region", REGION), precision="f32")


def pictures(folder: Path) -> tuple[Recipe, TrainingSet]:
    """Twelve pictures of six women, with grey rising to one corner and another range in each."""
    (folder / "tiny.toml").write_text(RECIPE, encoding="utf-8")
    rows = []
    for number in range(12):
        rise = np.add.outer(np.arange(48.0), np.arange(40.0)) / 86
        picture = (40 + 12 * number + 60 * rise).astype(np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
        kind = REGION[number // 2 % 2]
        rows.append(
            {"image_path": f"{number}.png", "patient_id": f"p{number // 2}", "pathology": kind}
        )
    pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False)
    (folder / "run").mkdir()
    for fold in "01":
        (folder / "run" / fold).mkdir()
    recipe = load_recipe(folder / "tiny.toml")
    return recipe, load_training_set(folder, recipe, folder / "run")


def test_what_is_calibrated_is_what_the_product_answers(
    tmp_path: Path, classifier: Classifier
) -> None:
    recipe, data = pictures(tmp_path)
    file = region_predictions(recipe, tmp_path / "run", tmp_path, data, lambda _: classifier.engine)
    found = pd.read_csv(file).set_index("image_path")["malignancy_logit"]
    slope, intercept = classifier.weights.platt
    for name in ("0.png", "7.png"):
        answer = judge_region(read_picture(tmp_path / name), (0, 0, 40, 48), classifier).answer
        assert slope * found[name] + intercept == pytest.approx(logit(answer.malignancy), abs=1e-6)
    assert len(found) == 12


def test_the_answer_is_the_mean_of_looks_that_differ(
    tmp_path: Path, classifier: Classifier
) -> None:
    recipe, data = pictures(tmp_path)
    file = region_predictions(recipe, tmp_path / "run", tmp_path, data, lambda _: classifier.engine)
    table = pd.read_csv(file)
    each = table.filter(like="look_")
    assert each.shape == (12, 9)
    assert (each.std(axis=1) > 0).all()
    assert np.allclose(each.mean(axis=1), table["malignancy_logit"])


def test_a_fold_is_judged_by_its_own_network_and_only_once(
    tmp_path: Path, classifier: Classifier
) -> None:
    recipe, data = pictures(tmp_path)
    asked = []

    def load(part: str) -> Engine:
        asked.append(part)
        return classifier.engine

    run = tmp_path / "run"
    first = region_predictions(recipe, run, tmp_path, data, load).read_text()
    (run / "1" / "regions.csv").unlink()
    assert region_predictions(recipe, run, tmp_path, data, load).read_text() == first
    assert asked == ["0", "1", "1"]
