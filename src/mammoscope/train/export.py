"""Weights to what ships: ONNX whose outputs were compared with torch's, and a card.

    python -m mammoscope.train.export configs/reader_first.toml --data DIR --run runs/reader_first \
        --out src/mammoscope/models/weights/reader-first

Needs every fold's predictions, for calibration and operating points, and the weights of one
part: those trained on everything, or with --part those of one fold. Nothing is written unless
parity holds.
"""

from __future__ import annotations

import hashlib
import json
import platform
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import tyro
from numpy.typing import NDArray
from torch import Tensor

from mammoscope.data.splits import folds_by_patient
from mammoscope.errors import WeightsError
from mammoscope.evaluate.card import card_calibration
from mammoscope.files import write_atomic
from mammoscope.infer.engine import OUTPUTS, load_engine
from mammoscope.metrics.recalibration import fit_platt
from mammoscope.models.card import CARD_FILE, NETWORK_FILE
from mammoscope.models.networks import Heads, LesionMapNet
from mammoscope.train.config import Recipe, load_recipe
from mammoscope.train.dataset import TrainingSet, load_training_set
from mammoscope.train.run import FINAL, WEIGHTS, collect, trained

TOLERANCE = 1e-3
"""Largest difference allowed between any logit of torch and of a runtime in f32."""


@dataclass
class Args:
    """Export a finished run."""

    recipe: Annotated[Path, tyro.conf.Positional]
    """The recipe that was run."""
    data: Path
    """The folder it was trained on."""
    run: Path
    """The run's folder."""
    out: Path
    """Folder to write network.onnx and card.json to."""
    part: str = FINAL
    """Whose weights: "final", or a fold's number; a fold's were trained without its women."""
    card: Path = Path("configs/reader_first.card.json")
    """The card's written part: description, terms, limits."""
    metrics: Path | None = None
    """report.json of `mammoscope evaluate` on the folds, to be kept in the card."""


def to_onnx(network: LesionMapNet, height: int, width: int) -> bytes:
    """The network as ONNX with input "pixels" (n, 1, height, width) and outputs OUTPUTS."""
    network.eval()
    example = torch.rand(2, 1, height, width)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        path = Path(folder) / NETWORK_FILE
        torch.onnx.export(
            network,
            (example,),
            path,
            input_names=["pixels"],
            output_names=list(OUTPUTS),
            dynamic_shapes={"pixels": {0: torch.export.Dim("n", min=1, max=64)}},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        return path.read_bytes()


@torch.inference_mode()
def parity(network: LesionMapNet, onnx: bytes, pixels: NDArray[np.uint8]) -> dict[str, float]:
    """Largest difference of any logit between torch and each runtime, on real images.

    Args:
        network: in eval mode.
        onnx: the exported file.
        pixels: (n, height, width) uint8 prepared images.

    Raises:
        WeightsError: a difference is above TOLERANCE.
    """
    heads: Heads = network(torch.from_numpy(pixels)[:, None].float() / 255)
    differences = {}
    for runtime in ("openvino", "onnxruntime"):
        raw = load_engine(onnx, runtime, "f32").run(pixels)
        differences[runtime] = max(
            _difference(heads.malignancy, raw.malignancy),
            _difference(heads.lesion_map, raw.lesion_map),
            _difference(heads.density, raw.density),
        )
        if not differences[runtime] <= TOLERANCE:
            raise WeightsError(
                f"the exported network differs from torch by {differences[runtime]:.2g} under "
                f"{runtime} (allowed {TOLERANCE:g}); nothing was written."
            )
    return differences


def _difference(tensor: Tensor, array: NDArray[np.float32]) -> float:
    return float(np.abs(tensor.numpy() - array).max())


def write_weights(out: Path, onnx: bytes, card: dict[str, Any]) -> dict[str, Any]:
    """Write network.onnx and card.json to the folder `out`; returns the card with the sha256."""
    card = {**card, "sha256": hashlib.sha256(onnx).hexdigest(), "size_bytes": len(onnx)}
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    for name, content in ((NETWORK_FILE, onnx), (CARD_FILE, text.encode())):
        write_atomic(out / name, content)
    return card


def export(args: Args) -> dict[str, Any]:
    """Do what the module says; returns the card."""
    recipe = load_recipe(args.recipe)
    data = load_training_set(args.data, recipe.preprocess, args.run)
    network = trained(recipe, args.run / args.part / WEIGHTS)
    onnx = to_onnx(network, recipe.preprocess.height, recipe.preprocess.width)
    sample = np.linspace(0, len(data.pixels) - 1, 32).astype(int)
    differences = parity(network, onnx, data.pixels[sample])
    predictions = collect(args.run, recipe.folds)
    written = json.loads(args.card.read_text(encoding="utf-8"))
    calibration = card_calibration(predictions, args.data / "manifest.csv")
    card = {
        **written,
        "name": recipe.name,
        "preprocess": recipe.preprocess.to_mapping(),
        "calibration": {
            **written.get("calibration", {}),
            "platt": calibration["platt"],
            "map": _map_calibration(predictions, data),
            "fitted": calibration["note"],
        },
        "operating_points": calibration["operating_points"],
        "training": written.get("training", {}) | _record(recipe, args, data),
        "parity": differences,
    }
    if args.metrics:
        card["metrics"] = _metrics(json.loads(args.metrics.read_text(encoding="utf-8")))
    return write_weights(args.out, onnx, card)


def _metrics(report: dict[str, Any]) -> dict[str, str]:
    """The cross-validation report's main figures, each with unit, interval and numbers."""
    figures = [
        figure
        for key in ("discrimination", "operating", "calibration", "density")
        for figure in report["sections"].get(key, {"estimates": []})["estimates"]
        if figure["low"] is not None
    ]
    return {
        f"{figure['name']} ({figure['unit']})": (
            f"{figure['value']:.3f} (95 % by patient {figure['low']:.3f} to {figure['high']:.3f}; "
            f"n {figure['n']}, with cancer {figure['positives']})"
        )
        for figure in figures
    } | {"how": "five-fold cross-validation by patient on the training data, out of fold"}


def _map_calibration(predictions: Path, data: TrainingSet) -> dict[str, float]:
    """Platt's line from the highest cell of each image's map, out of fold, to cancer in it."""
    judged = pd.read_csv(predictions).merge(data.rows[["image_path", "cancer"]], on="image_path")
    slope, intercept = fit_platt(judged["peak_logit"].to_numpy(), judged["cancer"].to_numpy())
    return {"slope": slope, "intercept": intercept}


def _record(recipe: Recipe, args: Args, data: TrainingSet) -> dict[str, Any]:
    manifest = (args.data / "manifest.csv").read_bytes()
    fold = folds_by_patient(data.rows, recipe.folds, recipe.seed).astype(str)
    used = data.rows[fold != args.part]
    return {
        "part": "all patients" if args.part == FINAL else f"all patients but fold {args.part}",
        "images": len(used),
        "patients": int(used["patient_id"].nunique()),
        "images_with_cancer": int(used["cancer"].sum()),
        "recipe": args.recipe.name,
        "recipe_sha256": recipe.sha256,
        "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
        "seed": recipe.seed,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def main() -> None:
    """Command line; see the module's text."""
    card = export(tyro.cli(Args))
    print(json.dumps({"sha256": card["sha256"], "parity": card["parity"]}))


if __name__ == "__main__":
    main()
