"""Weights to what ships: ONNX whose outputs were compared with torch's, and a card.

    python -m mammoscope.train.export configs/busi_lite0.toml --data DIR --run runs/busi_lite0 \
        --out src/mammoscope/models/weights/ultrasound-first

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

import json
import tempfile
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnx
import torch
import tyro
from numpy.typing import NDArray
from torch import Tensor, nn

from mammoscope.errors import ConfigError, WeightsError
from mammoscope.infer.engine import FINDING_MAP, OUTPUTS, Engine, load_engine
from mammoscope.models.card import NETWORK_FILE, write_weights
from mammoscope.models.committee import Committee
from mammoscope.models.networks import Network
from mammoscope.train.config import Recipe, load_recipe
from mammoscope.train.dataset import TrainingSet, load_training_set
from mammoscope.train.finished_card import finished_card, read_card, read_metrics
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

    def __init__(self, network: Network | Committee) -> None:
        super().__init__()
        self.network, self.names = network, output_names(network)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Logits by the names of the outputs; see the module's text."""
        said = self.network(pixels)._asdict()
        said["malignancy"] = said["logits"][:, 0]
        return tuple(said[name] for name in self.names)


def output_names(network: Network | Committee) -> tuple[str, ...]:
    """What the exported network's outputs are called, in order."""
    heads = {"lesion_map": network.lesion, "density": network.density}
    there = tuple(name for name, head in heads.items() if head is not None)
    if network.spec.logits == 1 and len(there) == len(heads):
        return OUTPUTS if network.findings is None else (*OUTPUTS, FINDING_MAP)
    return ("logits", *there)


def to_onnx(network: Network | Committee, height: int, width: int) -> bytes:
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
def parity(
    network: Network | Committee, onnx: bytes, pixels: NDArray[np.uint8]
) -> dict[str, float]:
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


def sample(data: TrainingSet) -> NDArray[np.uint8]:
    """Some of the prepared images (32, height, width), spread over all."""
    return np.asarray(data.pixels[np.linspace(0, len(data.pixels) - 1, 32).astype(int)])


def _difference(tensor: Tensor, array: NDArray[np.float32]) -> float:
    return float(np.abs(tensor.numpy() - array).max())


def export(args: Args) -> dict[str, Any]:
    """Do what the module says; returns the card.

    Raises:
        ConfigError: the recipe, the data or the card's written part cannot be used.
        WeightsError: the exported network differs from torch's.
    """
    recipe = load_recipe(args.recipe, args.overrides)
    written = read_card(args.card or args.recipe.with_suffix(".card.json"))
    data = load_training_set(args.data, recipe, args.run)
    network = trained(recipe, args.run / args.part / WEIGHTS)
    onnx = to_onnx(network, recipe.input.height, recipe.input.width)
    differences = parity(network, onnx, sample(data))
    if written.get("purpose") == "region":
        predictions = _of_regions(recipe, output_names(network), args, data)
    else:
        predictions = collect(args.run, recipe.folds)
    card = finished_card(
        recipe, written, output_names(network), predictions, args.data, data, args.part
    )
    card["training"]["recipe"] = args.recipe.name
    card["parity"] = differences
    if args.metrics:
        card["metrics"] = read_metrics(args.metrics)
    return write_weights(args.out, onnx, card)


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
    parity(network, onnx, sample(data))
    return load_engine(onnx, precision="f32", outputs=("logits",))


def main() -> None:
    """Command line; see the module's text."""
    card = export(tyro.cli(Args))
    print(json.dumps({"sha256": card["sha256"], "parity": card["parity"]}))


if __name__ == "__main__":
    main()
