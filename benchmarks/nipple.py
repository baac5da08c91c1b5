"""How well nipples are found, and findings of two views matched by their distance from it.

    python benchmarks/nipple.py --women 160
    python benchmarks/nipple.py --women 0 --pairs cdd_cesm/ --sheet sheet.png \
        --real rsna2022/ mini_mias/ cdd_cesm/

Synthetic: CC and MLO of one breast of each woman, all looks and densities in turn, two lesions in
each; their true boxes are the findings, alone and among false ones drawn evenly from the breast.
`--pairs` takes the women of a manifest folder of whom one breast has one marked lesion in each
view. `--sheet` draws the nipple found in 24 images of each folder in `--real`: tip, error and the
line to the chest wall; which of them are wrong is for an eye to say.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from lesion_froc import read_truth
from mammoscope.anatomy import to_uint8
from mammoscope.data.lesions import random_lesion
from mammoscope.data.manifest import Manifest, read_manifest
from mammoscope.data.story import Placed, random_placed
from mammoscope.data.synth import LOOKS, SyntheticView, synthetic_view
from mammoscope.data.synth_shape import VIEWS
from mammoscope.errors import ConfigError, ReadError
from mammoscope.evaluate.markdown import grid
from mammoscope.geometry import Box
from mammoscope.infer.nipple import VIEWS as NIPPLE_VIEWS
from mammoscope.infer.nipple import find_nipple
from mammoscope.infer.position import place_of, with_positions
from mammoscope.io import read_mammogram
from mammoscope.preprocess import PreprocessParams, prepare
from mammoscope.types import Finding, ImageReport, Laterality, LesionMap, Mammogram, Nipple

PARAMS = PreprocessParams(384, 224)
"""The size that the reader which ships sees."""
ROWS = 512
FALSE = 3
BOX_MM = 10.0
GAPS = (5, 10, 15, 20)
SHEET, TILE = 24, 300


@dataclass(frozen=True, eq=False)
class Woman:
    """One synthetic breast: its CC and its MLO, and what was found in them."""

    look: str
    views: tuple[SyntheticView, ...]
    nipples: tuple[Nipple | None, ...]
    lesions: tuple[Placed, ...]


def found(mammogram: Mammogram) -> Nipple | None:
    """As `predict` finds it."""
    return find_nipple(prepare(mammogram, PARAMS), mammogram.view)


def draw(seed: int) -> Woman:
    """One breast of the woman `seed`, with one lesion or two."""
    side: Laterality = "L" if seed % 2 else "R"
    look = list(LOOKS)[seed % len(LOOKS)]
    lesions = []
    for number in range(2):
        lesion = random_lesion(2 * seed + number, None, None)
        try:
            placed = replace(random_placed(seed, lesion, number), laterality=side).fitted(seed)
        except ConfigError:  # no room for this one in this breast
            continue
        lesions.append(placed)
    density = "ABCD"[seed // len(LOOKS) % 4]
    views = tuple(synthetic_view(seed, side, v, ROWS, density, lesions, look) for v in VIEWS)
    nipples = tuple(found(Mammogram(v.pixels, "", side, v.view)) for v in views)
    return Woman(look, views, nipples, tuple(lesions))


def nipple_rows(women: Sequence[Woman]) -> Iterator[list[str]]:
    """Error by view and by look."""
    seen = [
        (v.view, woman.look, _error_mm(v, n), n.error_px * v.spacing_mm[0])
        for woman in women
        for v, n in zip(woman.views, woman.nipples, strict=True)
        if n is not None
    ]
    groups: dict[str, list[tuple[float, float]]] = {}
    for view, look, error, said in seen:
        for name in ("all", view, look):
            groups.setdefault(name, []).append((error, said))
    for name, pairs in groups.items():
        error, said = np.array(pairs).T
        middle, high, worst = np.quantile(error, (0.5, 0.9, 1))
        inside = f"{np.mean(error <= said):.2f}"
        figures = [f"{value:.1f}" for value in (middle, high, worst, np.median(said))]
        yield [name, str(len(error)), *figures, inside]


def _error_mm(view: SyntheticView, nipple: Nipple) -> float:
    return float(np.hypot(*np.subtract(nipple.point_px, view.nipple_px)) * view.spacing_mm[0])


def reports(woman: Woman, false: Sequence[Sequence[Box]], spacing: bool) -> list[ImageReport]:
    """The two views with their true lesions, then the false places, as findings."""
    made = []
    for view, nipple, extra in zip(woman.views, woman.nipples, false, strict=True):
        mammogram = Mammogram(
            view.pixels, "", view.laterality, view.view, (), view.spacing_mm if spacing else None
        )
        geometry = prepare(mammogram, PARAMS).geometry
        boxes = [seen.box_px for seen in view.findings] + list(extra)
        made.append(
            ImageReport(
                "",
                view.laterality,
                view.view,
                findings=tuple(Finding(box, 0.5) for box in boxes),
                lesion_map=LesionMap(np.zeros((1, 1), np.float32), geometry),
                nipple=nipple,
            )
        )
    return with_positions(made)


def false_boxes(view: SyntheticView, rng: np.random.Generator) -> list[Box]:
    """Places drawn evenly from the breast without its muscle."""
    rows, columns = np.nonzero(view.breast_mask & ~view.pectoral_mask)
    half = BOX_MM / view.spacing_mm[0] / 2
    drawn = rng.integers(len(rows), size=FALSE)
    centres = np.stack([columns[drawn], rows[drawn]], axis=1)
    corners = np.hstack([centres - half, centres + half])
    return [(x1, y1, x2, y2) for x1, y1, x2, y2 in corners.tolist()]


def match_rows(women: Sequence[Woman]) -> Iterator[list[str]]:
    """What became of the true lesions and of the false places."""
    for name, many, spacing in (
        ("lesions alone", 0, True),
        ("lesions alone, no spacing", 0, False),
        (f"with {FALSE} false places a view", FALSE, True),
    ):
        rng = np.random.default_rng(1)
        count: Counter[str] = Counter()
        for woman in women:
            false = [false_boxes(view, rng)[:many] for view in woman.views]
            images = reports(woman, false, spacing)
            if all(image.nipple is not None for image in images):
                count.update(_outcomes(images[0], len(woman.lesions)))
        true = count["right"] + count["wrong"] + count["none"]
        false_told = f"{count['false matched']} of {many * len(women)}" if many else ""
        outcomes = [str(count[key]) for key in ("right", "wrong", "none")]
        yield [name, str(true), *outcomes, f"{count['right'] / max(1, true):.2f}", false_told]


def _outcomes(cc: ImageReport, lesions: int) -> Iterator[str]:
    for number, finding in enumerate(cc.findings):
        position = finding.position
        match = None if position is None else position.match
        if number >= lesions:
            yield "false" if match is None else "false matched"
        elif match is None:
            yield "none"
        else:
            yield "right" if match[1] == number else "wrong"


def place_rows(women: Sequence[Woman]) -> Iterator[list[str]]:
    """Words and hours against those of the truth: its nipples, its places."""
    count: Counter[str] = Counter()
    for woman in women:
        got = reports(woman, [[], []], True)
        true = tuple(
            replace(n, point_px=v.nipple_px, error_px=0.0) if n is not None else None
            for v, n in zip(woman.views, woman.nipples, strict=True)
        )
        want = reports(replace(woman, nipples=true), [[], []], True)
        for cc, truth in zip(got[0].findings, want[0].findings, strict=True):
            count.update(_agreement(cc.position, truth.position))
        alone = with_positions([got[1]])[0]
        for mlo, truth in zip(alone.findings, want[0].findings, strict=True):
            count.update(_height(mlo.position, truth.position))
    for key in ("quadrant", "hour", "hour within one", "height from MLO alone"):
        right, of = count[key], count[f"{key} told"]
        yield [key, str(of), f"{right / max(1, of):.2f}"]


def _agreement(got: Any, want: Any) -> Iterator[str]:
    """Of a matched finding: is quadrant and hour that of the truth."""
    if got is None or got.match is None or want.match is None:
        return
    yield "quadrant told"
    if got.quadrant == want.quadrant:
        yield "quadrant"
    if got.clock is None or want.clock is None:
        return
    yield from ("hour told", "hour within one told")
    off = abs((got.clock - want.clock + 6) % 12 - 6)
    yield from ["hour"] * (off == 0) + ["hour within one"] * (off <= 1)


def _height(got: Any, want: Any) -> Iterator[str]:
    """Of one MLO alone: does "upper" or "lower" agree with what both views say."""
    heights = {"upper", "lower"}
    said, true = (heights & set((one.quadrant or "").split()) for one in (got, want))
    if said and true:
        yield "height from MLO alone told"
        if said == true:
            yield "height from MLO alone"


def pair_rows(folder: Path) -> Iterator[list[str]]:
    """How alike the distances of the same lesion are in real CC and MLO, of the nipple line.

    For comparison, how alike that of one woman in CC is to that of another in MLO.
    """
    cc, mlo = np.array(list(_pairs(read_manifest(folder)))).T
    gaps = np.abs(cc[:, None] - mlo)
    same = np.eye(len(cc), dtype=bool)
    for name, values in ((folder.name, gaps[same]), ("of two women", gaps[~same])):
        spread = [f"{value:.1f}" for value in np.quantile(values, (0.5, 0.9, 1))]
        within = [f"{np.mean(values <= gap):.2f}" for gap in GAPS]
        yield [name, str(len(values)), *spread, *within]


def _pairs(manifest: Manifest) -> Iterator[list[float]]:
    """Distances in CC and MLO of the only lesion of a breast."""
    truth = read_truth(manifest)
    rows = manifest.images.set_index("image_path")
    breasts: dict[tuple[str, str], dict[str, list[int]]] = {}
    for number, path in enumerate(truth.paths):
        row = rows.loc[path]
        place = breasts.setdefault((row["patient_id"], row["laterality"]), {})
        place.setdefault(row["view"], []).append(number)
    for views in breasts.values():
        numbers = [views.get(view, []) for view in VIEWS]
        boxes = [truth.lesions.box[np.isin(truth.lesions.image, found)] for found in numbers]
        if any(len(found) != 1 for found in (*numbers, *boxes)):
            continue
        away = [
            _away(manifest.path(truth.paths[number]), view, box)
            for view, (number,), (box,) in zip(VIEWS, numbers, boxes, strict=True)
        ]
        known = [value for value in away if value is not None]
        if len(known) == len(VIEWS):
            yield known


def _away(path: Path, view: str, box: NDArray[np.float64]) -> float | None:
    """Of a lesion, in hundredths of the nipple line."""
    nipple = found(replace(read_mammogram(path), view=view))
    x1, y1, x2, y2 = box.tolist()
    return None if nipple is None else place_of((x1, y1, x2, y2), nipple, None).away


def tile(image: Mammogram, text: str) -> NDArray[np.uint8]:
    """The breast with tip, error and line to the wall, (TILE, TILE, 3)."""
    prepared = prepare(image, PARAMS)
    nipple = find_nipple(prepared, image.view)
    scale = TILE / max(image.shape)
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    small = cv2.resize(to_uint8(image.pixels), size, interpolation=cv2.INTER_AREA)
    canvas = cv2.cvtColor(small, cv2.COLOR_GRAY2BGR)
    if nipple is not None:
        tip, wall = (
            (round(p[0] * scale), round(p[1] * scale)) for p in (nipple.point_px, nipple.wall_px)
        )
        cv2.line(canvas, tip, wall, (0, 160, 0), 1, cv2.LINE_AA)
        cv2.circle(canvas, tip, round(nipple.error_px * scale), (0, 160, 255), 1, cv2.LINE_AA)
        cv2.circle(canvas, tip, 3, (0, 0, 255), -1, cv2.LINE_AA)
    canvas = np.pad(canvas, ((0, TILE - size[1]), (0, TILE - size[0]), (0, 0)))
    cv2.putText(canvas, text, (4, TILE - 6), 0, 0.45, (255, 255, 0), 1, cv2.LINE_AA)
    return np.asarray(canvas, np.uint8)


def sheet(folder: Path, seed: int) -> NDArray[np.uint8]:
    """SHEET images of a set, drawn by chance, eight in a row."""
    manifest = read_manifest(folder)
    rows = manifest.images[manifest.images["view"].isin(NIPPLE_VIEWS)].to_dict("records")
    tiles: list[NDArray[np.uint8]] = []
    for number in np.random.default_rng(seed).permutation(len(rows)):
        try:
            image = read_mammogram(manifest.path(rows[number]["image_path"]))
        except ReadError:
            continue
        image = replace(image, view=rows[number]["view"])
        tiles.append(tile(image, f"{len(tiles) + 1} {image.view}"))
        if len(tiles) == SHEET:
            break
    return np.vstack([np.hstack(tiles[n : n + 8]) for n in range(0, SHEET, 8)])


def synthetic(women: Sequence[Woman]) -> str:
    """The tables of the synthetic women."""
    missing = sum(n is None for woman in women for n in woman.nipples)
    nipple = ["views", "n", "median mm", "90th", "worst", "stated error, median", "inside it"]
    pairs = ["findings", "in both views", "right", "wrong", "none", "share right", "false matched"]
    tables = [
        grid(nipple, nipple_rows(women)),
        grid(pairs, match_rows(women)),
        grid(["told", "n", "as the truth"], place_rows(women)),
    ]
    return "\n\n".join(tables) + f"\n\nViews without a nipple found: {missing}."


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--women", type=int, default=160, help="synthetic ones")
    parser.add_argument("--seed", type=int, default=0, help="of the first woman and of the sheet")
    parser.add_argument("--pairs", nargs="*", type=Path, default=[], help="manifest folders")
    parser.add_argument("--real", nargs="*", type=Path, default=[], help="manifest folders")
    parser.add_argument("--sheet", type=Path, help="write a picture of the images in --real")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    seeds = range(options.seed, options.seed + options.women)
    women = [draw(seed) for seed in track(seeds, "women", console=Console(stderr=True))]
    if women:
        print(synthetic(women))
    if options.pairs:
        head = ["real pairs", "n", "median", "90th", "worst", *(f"within {gap}" for gap in GAPS)]
        print(grid(head, [row for folder in options.pairs for row in pair_rows(folder)]))
    if options.sheet and options.real:
        picture = np.vstack([sheet(folder, options.seed) for folder in options.real])
        _, png = cv2.imencode(".png", picture)
        options.sheet.write_bytes(png.tobytes())


if __name__ == "__main__":
    main()
