"""Do the lesion maps come from what the network has learned: weights re-drawn, from the top down.

    python benchmarks/map_sanity.py RECIPE RUN --data DATA --out map_sanity.md
        [--fold 0] [--set inserted] [--most 50] [--draws 5]

The cascading randomisation of Adebayo et al. ("Sanity checks for saliency maps", NeurIPS 2018):
the heads of one fold's trained network are put back to random weights, then its last stage, and so
on down to the stem. After each step its maps of images that the fold held out are compared with
the trained network's, by rank over the cells of the breast, and play the pointing game. A map that
outlives its weights would show the image and not what was learned of it. OUT gets a table, and
a picture (.png) beside it of three images. Intervals are 95 %, by patient bootstrap.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from scipy.stats import rankdata, spearmanr

from fold_networks import folds_of
from mammoscope.anatomy import Mask, breast_mask
from mammoscope.errors import ReadError
from mammoscope.evaluate.markdown import grid
from mammoscope.files import write_atomic
from mammoscope.infer.postprocess import calibrated_map
from mammoscope.io import read_mammogram
from mammoscope.models.networks import Network
from mammoscope.preprocess import Prepared, PreprocessParams, prepare
from mammoscope.train.config import Recipe, load_recipe
from mammoscope.train.fitting import new_network
from mammoscope.train.loop import denormals_flushed
from mammoscope.train.run import WEIGHTS, trained
from mammoscope.types import LesionMap
from map_sanity_figure import Row, draw
from map_targets import ALL, Marked, hit, marked_images
from map_truth import Figures
from segmentation import enlarged

TRAINED = "as trained"
TARGETS = {"malignant": "malignant", "finding": ALL}
"""What each map should point at; all lesions in a set that does not tell malignant ones."""
BATCH = 8

Maps = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Seen:
    """An image as the network sees it.

    Attributes:
        image: which.
        prepared: its pixels and geometry.
        lesions: (height, width) in source pixels by name of the map that should point at them.
        chance: share of the breast that they cover, likewise.
    """

    image: Marked
    prepared: Prepared
    lesions: dict[str, Mask]
    chance: dict[str, float]


def seen(image: Marked, params: PreprocessParams) -> Seen:
    """Read and prepare an image; ReadError where it cannot be used."""
    mammogram = read_mammogram(image.path)
    breast = enlarged(breast_mask(mammogram.pixels), mammogram.shape)
    if not breast.any():
        raise ReadError(image.path, "no breast was outlined in it", "look at the image")
    marked = image.lesions(mammogram.shape)
    lesions = {name: marked.get(target, marked[ALL]) for name, target in TARGETS.items()}
    chance = {name: float(lesion[breast].mean()) for name, lesion in lesions.items()}
    return Seen(image, prepare(mammogram, params), lesions, chance)


def cascade(network: Network, recipe: Recipe, seed: int) -> Iterator[tuple[str, Network]]:
    """The trained network, then the same one with more and more of it random again.

    What is re-drawn gets the weights, and the empty batch statistics, of a new network of the
    recipe, so that the last one is such a network.

    Yields:
        What was re-drawn last, and the network, which is the same object at every step.
    """
    torch.manual_seed(seed)
    new, worn = new_network(recipe), deepcopy(network)
    yield TRAINED, worn
    stages = list(zip(worn.stages(), new.stages(), strict=True))
    names = ["stem", *(f"stage {number}" for number in range(1, len(stages)))]
    steps = [("heads", list(zip(worn.heads(), new.heads(), strict=True)))]
    steps += [(name, [pair]) for name, pair in zip(names[::-1], stages[::-1], strict=True)]
    for name, pairs in steps:
        for old, fresh in pairs:
            old.load_state_dict(fresh.state_dict())
        yield name, worn


@torch.inference_mode()
def raw_maps(network: Network, images: Sequence[Seen]) -> list[Maps]:
    """The logits of every map of each image, by name."""
    found: list[Maps] = []
    for first in range(0, len(images), BATCH):
        pixels = np.stack([one.prepared.pixels for one in images[first : first + BATCH]])
        outputs = network(torch.from_numpy(pixels)[:, None].float() / 255)
        maps = {"malignant": outputs.lesion_map, "finding": outputs.finding_map}
        arrays = {name: one.numpy() for name, one in maps.items() if one is not None}
        found += [{name: one[i] for name, one in arrays.items()} for i in range(len(pixels))]
    return found


def ranked(logits: NDArray[np.float32], prepared: Prepared) -> LesionMap:
    """The cells of the breast by rank, in (0, 1]; 0 over air as in the product's maps.

    Random networks give logits of any size: ranks keep their order and fit any picture.
    """
    even = calibrated_map(prepared, np.zeros_like(logits))
    inside = even.values > 0
    values = np.zeros_like(logits)
    values[inside] = rankdata(logits[inside]) / inside.sum()
    return LesionMap(values, even.geometry)


def agreement(one: LesionMap, other: LesionMap) -> float:
    """Spearman's correlation within the breast; 0 where a map is even and so says nothing."""
    inside = one.values > 0
    first, second = one.values[inside], other.values[inside]
    if not inside.any() or np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(spearmanr(first, second).statistic)


def judged(network: Network, recipe: Recipe, images: Sequence[Seen], seed: int) -> pd.DataFrame:
    """A row for each step of one cascade, image and map; the ranked map is in column "ranked"."""
    rows = []
    first: list[dict[str, LesionMap]] = []
    for step, worn in cascade(network, recipe, seed):
        maps = [
            {name: ranked(logits, one.prepared) for name, logits in maps.items()}
            for one, maps in zip(images, raw_maps(worn, images), strict=True)
        ]
        first = first or maps
        for number, one in enumerate(images):
            for name, now in maps[number].items():
                rows.append({
                    "draw": seed, "step": step, "map": name, "image": number,
                    "patient": one.image.patient, "ranked": now, "chance": one.chance[name],
                    "correlation": agreement(first[number][name], now),
                    "hit": float(hit(now, one.lesions[name])),
                })  # fmt: skip
    return pd.DataFrame(rows)


def table(rows: pd.DataFrame) -> str:
    """Correlation and pointing game after every step, each image's mean over the draws."""
    rows = rows.assign(size=rows["correlation"].abs())
    numbers = ["correlation", "size", "hit", "chance"]
    body = []
    for names, some in rows.groupby(["map", "step"], sort=False):
        figures = Figures(some.groupby(["image", "patient"])[numbers].mean().reset_index())
        draws = some.groupby("draw")["correlation"].mean()
        body.append([
            *map(str, names), figures.estimate("correlation"),
            f"{draws.min():.3f} to {draws.max():.3f}", figures.mean("size"),
            figures.estimate("hit"), figures.mean("chance"),
        ])  # fmt: skip
    head = ["map", "random down to", "rank correlation", "of single draws", "its size",
            "points into a lesion", "chance"]  # fmt: skip
    body.sort(key=lambda line: list(TARGETS).index(line[0]))
    return grid(head, body)


def page(told: str, rows: pd.DataFrame, picture: str, refused: Sequence[str]) -> str:
    """The results as Markdown."""
    left_out = [f"Left out: {line}" for line in refused]
    return "\n\n".join([
        "# The maps of a network whose weights are re-drawn",
        told,
        table(rows),
        "The rank correlation is with the trained network's map of the same image, over the cells "
        "of the breast. Random weights give it either sign, so it is averaged over draws; 'its "
        "size' is the mean without sign, which stays above 0 for any two smooth maps. Chance of "
        "the pointing game is a point drawn evenly from the breast.",
        f"![Three images and their malignant maps after each step]({picture})",
        *left_out,
    ]) + "\n"  # fmt: skip


def figure_rows(images: Sequence[Seen], rows: pd.DataFrame, count: int = 3) -> list[Row]:
    """The first images of different women, with their malignant maps of the first draw."""
    shown = rows[(rows["draw"] == rows["draw"].min()) & (rows["map"] == "malignant")]
    women = {one.image.patient: number for number, one in reversed(list(enumerate(images)))}
    return [
        Row(
            images[number].prepared,
            images[number].lesions["malignant"],
            dict(shown[shown["image"] == number][["step", "ranked"]].itertuples(index=False)),
        )
        for number in sorted(women.values())[:count]
    ]


def usable(images: Sequence[Marked], params: PreprocessParams) -> tuple[list[Seen], list[str]]:
    """The images that can be used, and why the others cannot."""
    found, refused = [], []
    for image in images:
        try:
            found.append(seen(image, params))
        except ReadError as error:
            refused.append(f"{image.path.name}: {error.reason}")
    return found, refused


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("recipe", type=Path, help="that was run")
    parser.add_argument("run", type=Path, help="folder of the finished run")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the set")
    parser.add_argument("--out", type=Path, required=True, help="the page, .md")
    parser.add_argument("--fold", type=int, default=0, help="whose network, and whose images")
    parser.add_argument("--set", default="inserted", help="name of a folder of DATA")
    parser.add_argument("--most", type=int, default=50, help="images")
    parser.add_argument("--draws", type=int, default=5, help="of random weights")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    recipe, folds = load_recipe(options.recipe), folds_of(options.run)
    network = trained(recipe, options.run / str(options.fold) / WEIGHTS)
    own = {key: fold for key, fold in folds.items() if fold == options.fold}
    marked = marked_images(options.data / options.set, own, options.most)
    images, refused = usable(marked, recipe.preprocess)
    draws = track(range(options.draws), "draws", console=Console(stderr=True))
    with denormals_flushed():
        rows = pd.concat([judged(network, recipe, images, seed) for seed in draws])
    picture = options.out.with_suffix(".png")
    draw(picture, figure_rows(images, rows))
    told = (
        f"Fold {options.fold} of {options.run.name} on {len(images)} images of {options.set} that "
        f"it never saw; {options.draws} draws of random weights."
    )
    text = page(told, rows, picture.name, refused)
    write_atomic(options.out, text.encode())
    print(text)


if __name__ == "__main__":
    main()
