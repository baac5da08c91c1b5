"""Two finished runs joined, judged on what both held out, and exported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pd = pytest.importorskip("pandas")
onnx = pytest.importorskip("onnx")
pytest.importorskip("timm")

from mammoscope.errors import ConfigError  # noqa: E402
from mammoscope.infer.engine import load_engine  # noqa: E402
from mammoscope.models.card import load_card, verify  # noqa: E402
from mammoscope.models.networks import HeadSpec  # noqa: E402
from mammoscope.models.registry import create  # noqa: E402
from mammoscope.train.committee import Args, join  # noqa: E402
from mammoscope.train.export import to_onnx  # noqa: E402
from mammoscope.train.half import halved  # noqa: E402
from mammoscope.train.run import Args as RunArgs  # noqa: E402
from mammoscope.train.run import train  # noqa: E402
from training_example import RECIPE, pictures, recipe_file  # noqa: E402

MEMBER = (
    RECIPE.replace('["normal", "benign", "malignant"]', '["normal", "malignant"]')
    .replace('"average"', '"map"')
    .replace("[task]", "[task]\ndensity_weight = 0.3")
    .replace('name = "tiny"', 'name = "tiny"\nseed = 0')
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, and two finished runs of two recipes that differ in dropout."""
    made = pictures(tmp_path_factory.mktemp("data"), groups=24)
    rows = pd.read_csv(made / "manifest.csv", dtype=str).fillna("")
    rows = rows.assign(cancer=(rows["pathology"] == "malignant").astype(int), laterality="L")
    rows.to_csv(made / "manifest.csv", index=False)
    (made / "card.json").write_text(json.dumps({"version": "1"}))
    for name, text in (("a", MEMBER), ("b", MEMBER.replace("[head]", "[head]\ndropout = 0.5"))):
        (made / name).mkdir()
        recipe_file(made / name, text)
        run = made / name / "run"
        train(RunArgs(made / name / "recipe.toml", made, run, workers=0, device="cpu"))
    return made


def args(folder: Path, out: Path) -> Args:
    members = tuple(f"{folder}/{name}/recipe.toml={folder}/{name}/run" for name in "ab")
    return Args(members, folder, out, folder / "card.json")


@pytest.fixture(scope="module")
def joined(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("joined")
    paths = join(args(folder, out))
    parts = ("0", "1", "final")
    assert paths == [out / "predictions.csv", *(out / part / "weights" for part in parts)]
    return out


def test_every_image_is_judged_by_the_fold_that_held_it_out(joined: Path, folder: Path) -> None:
    said = pd.read_csv(joined / "predictions.csv")
    alone = pd.read_csv(folder / "a" / "run" / "predictions.csv")
    both = said.merge(alone, on="image_path")
    assert len(both) == len(said) == len(alone)
    assert (both["fold_x"] == both["fold_y"]).all()


def test_the_logit_is_the_mean_of_the_members_calibrated_ones(joined: Path, folder: Path) -> None:
    said = pd.read_csv(joined / "predictions.csv").query("fold == 0").set_index("image_path")
    members = [
        pd.read_csv(folder / name / "run" / "predictions.csv").set_index("image_path")
        for name in "ab"
    ]
    logits = [one["malignancy_logit"][said.index].to_numpy() for one in members]
    columns = np.column_stack([*logits, np.ones(len(said))])
    found, *_ = np.linalg.lstsq(columns, said["malignancy_logit"], rcond=None)
    # One line a member, fitted on the other fold: the joint logit is linear in the two logits.
    assert columns @ found == pytest.approx(said["malignancy_logit"].to_numpy(), rel=0.01, abs=0.02)


def test_what_ships_is_whole(joined: Path) -> None:
    weights = load_card(joined / "final" / "weights")
    assert weights.card["training"]["part"] == "all patients"
    assert weights.card["parity"]["half_weights"] <= 0.05
    raw = load_engine(verify(weights)).run(np.zeros((1, 64, 64), np.uint8))
    assert np.isfinite(raw.malignancy).all()


def test_members_with_other_folds_are_refused(folder: Path, tmp_path: Path) -> None:
    said = pd.read_csv(folder / "b" / "run" / "0" / "predictions.csv")
    other = tmp_path / "run"
    for fold in (0, 1):
        (other / str(fold)).mkdir(parents=True)
        said.assign(fold=fold).to_csv(other / str(fold) / "predictions.csv", index=False)
    wanted = args(folder, tmp_path / "out")
    members = (wanted.members[0], f"{folder}/b/recipe.toml={other}")
    with pytest.raises(ConfigError, match="held out other images"):
        join(Args(members, folder, tmp_path / "out", wanted.card))


def test_a_member_without_its_run_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give RECIPE=RUN"):
        join(Args(("a.toml",), folder, tmp_path, folder / "card.json"))


def test_half_the_size_says_nearly_the_same() -> None:
    torch.manual_seed(0)
    whole = to_onnx(create("efficientnet_lite0", HeadSpec(2, "map", density=True)).eval(), 64, 64)
    short = halved(whole)
    assert len(short) < 0.56 * len(whole)
    onnx.checker.check_model(onnx.load_model_from_string(short))
    shown = np.random.default_rng(0).integers(0, 256, (2, 64, 64), dtype=np.uint8)
    for runtime in ("openvino", "onnxruntime"):
        one, other = (load_engine(file, runtime, "f32").run(shown) for file in (whole, short))  # type: ignore[arg-type]
        assert other.malignancy == pytest.approx(one.malignancy, abs=0.05)


def test_what_other_members_said_is_not_taken_for_theirs(folder: Path, joined: Path) -> None:
    wanted = args(folder, joined)
    with pytest.raises(ConfigError, match="other members"):
        join(Args(wanted.members[::-1], folder, joined, wanted.card))
