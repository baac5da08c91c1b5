"""Weights to what ships: ONNX whose outputs were compared with torch's, and a card.

    python -m mammoscope.train.export configs/reader_first.toml --data DIR --run runs/reader_first \
        --out src/mammoscope/models/weights/reader-first

Needs every fold's predictions, for calibration and operating points, and the weights of one
part: those trained on everything, or with --part those of one fold. Nothing is written unless
parity holds. Weights for regions need every fold's weights instead: their calibration is that of
the mean over moved crops, which RUN/regions.csv then holds.

A network with one logit, a lesion map and a density head becomes a reader, whose outputs are
`mammoscope.infer.engine.OUTPUTS` (and FINDING_MAP where it has one); any other a classifier, whose
outputs are "logits" (n, k) and, where it has them, "lesion_map" (n, h, w) and "density" (n, 4), all
of them logits.
"""

from __future__ import annotations

import hashlib
import json
import platform
import tempfile
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnx
import pandas as pd
import torch
import tyro
from numpy.typing import NDArray
from torch import Tensor, nn

from mammoscope.errors import ConfigError, WeightsError
from mammoscope.evaluate.card import card_calibration
from mammoscope.files import write_atomic
from mammoscope.infer.engine import FINDING_MAP, OUTPUTS, Engine, load_engine
from mammoscope.metrics.recalibration import fit_platt
from mammoscope.models.card import CARD_FILE, NETWORK_FILE
from mammoscope.models.networks import Network
from mammoscope.train.classifier_card import classifier_calibration
from mammoscope.train.config import Recipe, load_recipe
from mammoscope.train.dataset import TrainingSet, load_training_set
from mammoscope.train.folds import folds
from mammoscope.train.regions import region_predictions
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
    overrides: tuple[str, ...] = ()
    """Those of the run, such as optimiser.epochs=1."""
    part: str = FINAL
    """Whose weights: "final", or a fold's number; a fold's were trained without its women."""
    card: Path | None = None
    """The card's written part: description, terms, limits; beside the recipe if not given."""
    metrics: Path | None = None
    """report.json of `mammoscope evaluate` on the folds, to be kept in the card."""


class Exported(nn.Module):
    """A network whose outputs are a plain tuple, in the order of `names`."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network, self.names = network, output_names(network)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Logits by the names of the outputs; see the module's text."""
        said = self.network(pixels)._asdict()
        said["malignancy"] = said["logits"][:, 0]
        return tuple(said[name] for name in self.names)


def output_names(network: Network) -> tuple[str, ...]:
    """What the exported network's outputs are called, in order."""
    heads = {"lesion_map": network.lesion, "density": network.density}
    there = tuple(name for name, head in heads.items() if head is not None)
    if network.spec.logits == 1 and len(there) == len(heads):
        return OUTPUTS if network.findings is None else (*OUTPUTS, FINDING_MAP)
    return ("logits", *there)


def to_onnx(network: Network, height: int, width: int) -> bytes:
    """The network as ONNX: input "pixels" (n, 1, height, width), outputs as `output_names`."""
    wrapped = Exported(network).eval()
    example = torch.rand(2, 1, height, width)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        path = Path(folder) / NETWORK_FILE
        torch.onnx.export(
            wrapped,
            (example,),
            path,
            input_names=["pixels"],
            output_names=list(wrapped.names),
            dynamic_shapes={"pixels": {0: torch.export.Dim("n", min=1, max=64)}},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        return without_traces(path.read_bytes())


def without_traces(network: bytes) -> bytes:
    """An ONNX file without the exporter's notes: where in whose folders each step was written."""
    model = onnx.load_model_from_string(network)
    graph = model.graph
    for part in (*graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.ClearField("metadata_props")
    model.ClearField("metadata_props")
    return bytes(model.SerializeToString())


@torch.inference_mode()
def parity(network: Network, onnx: bytes, pixels: NDArray[np.uint8]) -> dict[str, float]:
    """Largest difference of any logit between torch and each runtime, on real images.

    Args:
        network: in eval mode.
        onnx: the exported file.
        pixels: (n, height, width) uint8 prepared images.

    Raises:
        WeightsError: a difference is above TOLERANCE.
    """
    wrapped = Exported(network).eval()
    wanted = wrapped(torch.from_numpy(np.array(pixels))[:, None].float() / 255)
    differences = {}
    for runtime in ("openvino", "onnxruntime"):
        found = load_engine(onnx, runtime, "f32", wrapped.names).arrays(pixels)
        differences[runtime] = max(map(_difference, wanted, found))
        if not differences[runtime] <= TOLERANCE:
            raise WeightsError(
                f"the exported network differs from torch by {differences[runtime]:.2g} under "
                f"{runtime} (allowed {TOLERANCE:g}); nothing was written."
            )
    return differences


def _sample(data: TrainingSet) -> NDArray[np.uint8]:
    """Some of the images, spread over all."""
    return np.asarray(data.pixels[np.linspace(0, len(data.pixels) - 1, 32).astype(int)])


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
    """Do what the module says; returns the card.

    Raises:
        ConfigError: the recipe, the data or the card's written part cannot be used.
        WeightsError: the exported network differs from torch's.
    """
    recipe = load_recipe(args.recipe, args.overrides)
    written = _written(args.card or args.recipe.with_suffix(".card.json"))
    data = load_training_set(args.data, recipe, args.run)
    network = trained(recipe, args.run / args.part / WEIGHTS)
    onnx = to_onnx(network, recipe.input.height, recipe.input.width)
    differences = parity(network, onnx, _sample(data))
    if written.get("purpose") == "region":
        predictions = _of_regions(recipe, output_names(network), args, data)
    else:
        predictions = collect(args.run, recipe.folds)
    card = {
        **written,
        "name": written.get("name", recipe.name),
        "preprocess": recipe.preprocess.to_mapping(),
        **_judgement(recipe, network, predictions, args.data, data),
        "training": written.get("training", {}) | _record(recipe, args, data),
        "parity": differences,
    }
    card["calibration"] = written.get("calibration", {}) | card["calibration"]
    if args.metrics:
        card["metrics"] = _metrics(json.loads(args.metrics.read_text(encoding="utf-8")))
    return write_weights(args.out, onnx, card)


def _written(path: Path) -> dict[str, Any]:
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path}: the card's written part cannot be read ({error}); give it by --card."
        ) from error
    return card


def _of_regions(recipe: Recipe, names: tuple[str, ...], args: Args, data: TrainingSet) -> Path:
    """Out-of-fold predictions of what the product answers to regions."""
    if names != ("logits",):
        raise ConfigError(
            f"recipe {recipe.name}: its network gives {', '.join(names)}, but of a region the "
            'logits alone are calibrated; give head.pooling = "average" and no other heads.'
        )
    return region_predictions(
        recipe, args.run, args.data, data, partial(fold_engine, recipe, args.run, data)
    )


def fold_engine(recipe: Recipe, run: Path, data: TrainingSet, part: str) -> Engine:
    """The logits of a finished part under the product's runtime, in f32, compared with torch's."""
    network = trained(recipe, run / part / WEIGHTS)
    onnx = to_onnx(network, recipe.input.height, recipe.input.width)
    parity(network, onnx, _sample(data))
    return load_engine(onnx, precision="f32", outputs=("logits",))


def _judgement(
    recipe: Recipe, network: Network, predictions: Path, folder: Path, data: TrainingSet
) -> dict[str, Any]:
    """How raw outputs become probabilities, and where to draw the line."""
    names = output_names(network)
    if names[: len(OUTPUTS)] != OUTPUTS:
        return {"outputs": list(names)} | classifier_calibration(predictions, recipe.task, data)
    if recipe.task.positive != recipe.task.classes[1:]:
        raise ConfigError(
            f"recipe {recipe.name}: a reader's logit is that of cancer, but task.positive is "
            f"{list(recipe.task.positive)}; give the second class there."
        )
    fitted = card_calibration(predictions, folder / "manifest.csv")
    return {
        "calibration": {
            "platt": fitted["platt"],
            "map": _map_calibration(predictions, data),
            "fitted": fitted["note"],
        },
        "operating_points": fitted["operating_points"],
    }


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
    truth = pd.DataFrame({"image_path": data.rows["image_path"], "positive": data.positive})
    judged = pd.read_csv(predictions).merge(truth, on="image_path")
    peak, positive = judged["peak_logit"].to_numpy(), judged["positive"].to_numpy(np.int64)
    slope, intercept = fit_platt(peak, positive)
    return {"slope": slope, "intercept": intercept}


def _record(recipe: Recipe, args: Args, data: TrainingSet) -> dict[str, Any]:
    manifest = (args.data / "manifest.csv").read_bytes()
    used = folds(data, recipe).astype(str) != args.part
    return {
        "part": "all patients" if args.part == FINAL else f"all patients but fold {args.part}",
        "images": int(used.sum()),
        "patients": int(data.rows["patient_id"][used].nunique()),
        "images_with_cancer": int(data.positive[used].sum()),
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
