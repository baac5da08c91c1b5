from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pd = pytest.importorskip("pandas")

from mammoscope.data.synth import synthetic_view  # noqa: E402
from mammoscope.models.card import list_weights  # noqa: E402
from mammoscope.train.config import Recipe, load_recipe  # noqa: E402
from mammoscope.train.dataset import load_training_set  # noqa: E402
from mammoscope.train.fitting import start  # noqa: E402
from mammoscope.train.loading import learning_batches  # noqa: E402
from mammoscope.train.loop import Sums, train_epoch  # noqa: E402

CONFIGS = sorted((Path(__file__).resolve().parents[2] / "configs").glob("*.toml"))
SMALL = (
    "weights=none", "optimiser.epochs=1", "optimiser.batch_size=2",
    "input.height=64", "input.width=64",
)  # fmt: skip
HEADER = {"command", "data", "result"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two synthetic women of each pathology, marked where there is something to see."""
    folder, rows, findings = tmp_path_factory.mktemp("data"), [], []
    for woman, pathology in enumerate(("normal", "benign", "malignant") * 2):
        lesions = () if pathology == "normal" else "random"
        picture = synthetic_view(woman, "L", "CC", 128, "B", lesions)  # type: ignore[arg-type]
        name = f"{woman}.png"
        cv2.imwrite(str(folder / name), picture.pixels)
        cancer = int(pathology == "malignant")
        rows.append((name, woman, cancer, pathology, "ABCD"[woman % 4], "1"))
        if pathology != "normal":
            findings.append((name, "box", 10, 20, 40, 50))
    columns = ["image_path", "patient_id", "cancer", "pathology", "density", "machine_id"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "manifest.csv", index=False)
    columns = ["image_path", "outline", "x1_px", "y1_px", "x2_px", "y2_px"]
    pd.DataFrame(findings, columns=columns).to_csv(folder / "findings.csv", index=False)
    return folder


def small(path: Path, folder: Path) -> Recipe:
    """The recipe at a small size; each of its sources is the same folder, shown once."""
    recipe = load_recipe(path, SMALL)
    for source in recipe.sources:
        if not (folder / source.dataset).exists():
            (folder / source.dataset).symlink_to(folder)
    return replace(recipe, sources=tuple(replace(one, images=0) for one in recipe.sources))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_recipe_trains_two_steps(path: Path, folder: Path) -> None:
    recipe = small(path, folder)
    data = load_training_set(folder, recipe, folder / "cache")
    rows = np.arange(4)
    training, _ = start(recipe, len(rows), "final", torch.device("cpu"))
    learned = list(training.network.heads()[-1].parameters())[-1]
    before = learned.detach().clone()
    means = train_epoch(training, learning_batches(recipe, data, rows, 0), recipe, Sums())
    assert training.steps == 2
    assert np.isfinite(means["classes"])
    assert ("density" in means) == (recipe.task.density_weight > 0)
    assert ("map" in means) == (recipe.task.map_weight > 0)
    assert not torch.equal(before, learned)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_recipe_says_how_it_was_run(path: Path) -> None:
    header = [line for line in path.read_text(encoding="utf-8").splitlines() if line[:1] == "#"]
    words = [line[1:].split()[0] for line in header if line[1:].split()]
    assert set(words) >= HEADER
    command = next(line for line in header if line.startswith("# command"))
    assert f"configs/{path.name} " in command


def test_shipped_weights_were_made_by_the_recipes_that_are_here() -> None:
    known = {load_recipe(path).sha256 for path in CONFIGS}
    assert {weights.card["training"]["recipe_sha256"] for weights in list_weights()} <= known
